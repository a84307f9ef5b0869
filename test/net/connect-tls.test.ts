import { describe, expect, test } from "bun:test";
import { describeTls, handshakeFailure } from "../../src/net/connect-tls.ts";

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

describe("a handshake that did not come about fails, whoever is believed", () => {
  test.each([true, false])("verify %p", (verify) => {
    const eproto = failure("EPROTO", "error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER");
    expect(handshakeFailure(false, eproto, verify)).toBe("TLS: WRONG_VERSION_NUMBER");
    expect(handshakeFailure(false, failure("ECONNRESET", "gone"), verify)).toBe("TLS: gone (ECONNRESET)");
    expect(handshakeFailure(false, null, verify)).toBe("TLS: the handshake failed");
    expect(handshakeFailure(true, null, verify)).toBeUndefined();
  });
});

test.each(["CERT_HAS_EXPIRED", "DEPTH_ZERO_SELF_SIGNED_CERT", "ERR_TLS_CERT_ALTNAME_INVALID"])(
  "%s counts only where certificates are verified",
  (code) => {
    expect(handshakeFailure(false, failure(code, "no good"), true)).toBe(`TLS: no good (${code})`);
    expect(handshakeFailure(false, failure(code, "no good"), false)).toBeUndefined();
  },
);

test("what was offered and refused after the handshake is said, too", () => {
  const alert = "error:1000045c:SSL routines:OPENSSL_internal:TLSV1_ALERT_CERTIFICATE_REQUIRED";
  expect(describeTls(failure("EPROTO", alert))).toBe("TLS: TLSV1_ALERT_CERTIFICATE_REQUIRED");
});
