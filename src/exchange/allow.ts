/** What Allow says of a resource that looks at the method itself: one of an app or an upstream, or a fixed answer (RFC 9110 section
 *  10.2.1). Not TRACE, which would show a script the cookies that it may not see. Of files: files/methods.ts. */
import { Fields } from "../protocol/http/fields.ts";

export const ALLOW_ANY = Fields.of([["Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"]]);
