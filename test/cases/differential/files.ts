/**
 * What is asked of a directory of files, to this server and to nginx (1.22, Debian's), and where they answer otherwise, with a
 * verdict each: `ours`, our answer is the better one; `either`, both are right. Read by test/e2e/differential-files.test.ts.
 */

/** Sizes around those of buffers and of what is kept in memory. */
export const SIZES = [0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537, 700_000] as const;

/** Longer than 32 bits can count. */
export const SPARSE_BYTES = 5 * 2 ** 30 + 11;

/** Names as bytes: a latin-1 string. */
export const NASTY_NAMES = [
  "a b.txt",
  "100%.txt",
  "%41.txt",
  "a+b.txt",
  "q?x.txt",
  "h#x.txt",
  "a;b=c.txt",
  "colon:name.txt",
  "new\nline.txt",
  "tab\there.txt",
  '"quoted".txt',
  "'single'.txt",
  "<tag>.txt",
  "a&b.txt",
  "...txt",
  "..a.txt",
  "a..",
  "~tilde.txt",
  "\xe9\xff.txt",
  "\xc3\xa4\xe4\xb8\xad.txt",
  "-dash.txt",
  " blank",
  "x".repeat(200),
] as const;

export interface FileCase {
  readonly name: string;
  readonly method?: string;
  /** As sent. */
  readonly target: string;
  readonly fields?: Readonly<Record<string, string>>;
}

function percent(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}

/** `LAST` and `ETAG` stand for what the server itself says of that file. */
export const LAST = "{last-modified}";
export const ETAG = "{etag}";
export const LONG_AGO = "Thu, 01 Jan 1998 00:00:00 GMT";
export const LATER = "Thu, 01 Jan 2037 00:00:00 GMT";

const RANGES = [
  "bytes=0-0",
  "bytes=0-",
  "bytes=1-3",
  "bytes=-1",
  "bytes=-5000",
  "bytes=4096-",
  "bytes=4095-4096",
  "bytes=65535-65536",
  "bytes=100000000-",
  "bytes=-0",
  "bytes=3-1",
  "bytes=",
  "bytes=x",
  "bytes=0-1,3-4",
  "bytes=0-1,3-4,-1",
  "bytes=0-0, 0-0",
  "bytes=0-0,100000000-",
  "bytes=100000000-,200000000-",
  "bytes=0-,0-",
  "lines=0-1",
];

const CONDITIONS: readonly Readonly<Record<string, string>>[] = [
  { "If-None-Match": ETAG },
  { "If-None-Match": `W/${ETAG}` },
  { "If-None-Match": `"x", ${ETAG}` },
  { "If-None-Match": "*" },
  { "If-None-Match": '"x"' },
  { "If-None-Match": '"x"', "If-Modified-Since": LAST },
  { "If-Modified-Since": LAST },
  { "If-Modified-Since": LONG_AGO },
  { "If-Modified-Since": LATER },
  { "If-Modified-Since": "nonsense" },
  { "If-Match": ETAG },
  { "If-Match": `W/${ETAG}` },
  { "If-Match": "*" },
  { "If-Match": '"x"' },
  { "If-Unmodified-Since": LAST },
  { "If-Unmodified-Since": LONG_AGO },
  { "If-Unmodified-Since": LATER },
  { "If-Match": ETAG, "If-Unmodified-Since": LONG_AGO },
  { "If-Match": ETAG, "If-None-Match": ETAG },
  { Range: "bytes=0-1", "If-Range": ETAG },
  { Range: "bytes=0-1", "If-Range": `W/${ETAG}` },
  { Range: "bytes=0-1", "If-Range": '"x"' },
  { Range: "bytes=0-1", "If-Range": LAST },
  { Range: "bytes=0-1", "If-Range": LONG_AGO },
  { Range: "bytes=0-1", "If-None-Match": ETAG },
  { Range: "bytes=0-1", "If-Match": '"x"' },
];

const show = (fields: Readonly<Record<string, string>>) =>
  Object.entries(fields)
    .map((pair) => pair.join(" "))
    .join(", ");

const PATHS = [
  "/",
  "/sub",
  "/sub/",
  "/sub?a=b",
  "/noindex",
  "/noindex/",
  "/missing",
  "/missing/",
  "/size-1/",
  "/size-1/x",
  "/sub/index.html",
  "/sub/./index.html",
  "/sub/../size-1",
  "/sub/..",
  "/%2e%2e/secret",
  "/sub/%2e%2e/size-1",
  "/sub%2findex.html",
  "/sub%5cindex.html",
  "/sub\\index.html",
  "//size-1",
  "/sub//index.html",
  "/size-1%00",
  "/size-1%00.txt",
  "/../secret",
  "/..%2fsecret",
  "/%c0%ae%c0%ae/secret",
  "/sub/%2e",
  "/alias/index.html",
  "/alias/",
  "/alias",
  "/alias../secret",
  "/alias/../size-1",
  "/alias/%2e%2e/size-1",
  "/try/size-1",
  "/try/nothing",
  "/try/sub/",
  "/try/sub",
  "/only/anything",
  "/inside-link",
  "/.hidden",
  "/.well-known/x",
  "/old~",
  "/fifo",
  "/way-out",
];

export const CASES: readonly FileCase[] = [
  ...SIZES.map((size) => ({ name: `size ${size}`, target: `/size-${size}` })),
  ...SIZES.map((size) => ({ name: `HEAD of size ${size}`, method: "HEAD", target: `/size-${size}` })),
  ...NASTY_NAMES.map((name) => ({ name: `name ${JSON.stringify(name)}`, target: `/names/${percent(name)}` })),
  ...[0, 1, 4096, 65_537, 700_000].flatMap((size) =>
    RANGES.map((Range) => ({ name: `${Range} of ${size}`, target: `/size-${size}`, fields: { Range } })),
  ),
  ...[1, 700_000].flatMap((size) =>
    CONDITIONS.map((fields) => ({ name: `${show(fields)} of ${size}`, target: `/size-${size}`, fields })),
  ),
  ...PATHS.map((target) => ({ name: target, target })),
  { name: "sparse HEAD", method: "HEAD", target: "/sparse" },
  ...["bytes=4294967290-4294967300", "bytes=-11", "bytes=5368709120-", "bytes=0-0,-11"].map((Range) => {
    return { name: `sparse ${Range}`, target: "/sparse", fields: { Range } };
  }),
  ...["POST", "PUT", "DELETE", "OPTIONS"].map((method) => ({ name: method, method, target: "/size-1" })),
  { name: "HEAD with Range", method: "HEAD", target: "/size-4096", fields: { Range: "bytes=0-1" } },
  { name: "HEAD of what is missing", method: "HEAD", target: "/missing" },
];

export interface FileDifference {
  readonly verdict: "ours" | "either";
  readonly reason: string;
  /** The status. */
  readonly ours: string;
  readonly nginx: string;
  readonly cases: readonly string[];
}

const ofSizes = (sizes: readonly number[], ...ranges: string[]) =>
  ranges.flatMap((range) => sizes.map((size) => `${range} of ${size}`));

export const DIFFERENCES: readonly FileDifference[] = [
  {
    verdict: "ours",
    reason: "an invalid Range is ignored (RFC 9110 section 14.2), nginx calls it unsatisfiable",
    ours: "200",
    nginx: "416",
    cases: ofSizes([0, 1, 4096, 65_537, 700_000], "bytes=3-1", "bytes=x"),
  },
  {
    verdict: "either",
    reason: "of an empty file no part can be named: nginx ignores Range where it begins at 0, here (and in Go) always",
    ours: "200",
    nginx: "416",
    cases: ofSizes(
      [0],
      "bytes=1-3",
      "bytes=4096-",
      "bytes=4095-4096",
      "bytes=65535-65536",
      "bytes=100000000-",
      "bytes=100000000-,200000000-",
    ),
  },
  {
    verdict: "ours",
    reason: "Range is defined for GET only (section 14.2)",
    ours: "200",
    nginx: "206",
    cases: ["HEAD with Range"],
  },
  {
    verdict: "ours",
    reason: "If-Unmodified-Since is not looked at beside If-Match (section 13.2.2)",
    ours: "200",
    nginx: "412",
    cases: [1, 700_000].map((size) => `If-Match ${ETAG}, If-Unmodified-Since ${LONG_AGO} of ${size}`),
  },
  {
    verdict: "ours",
    reason:
      "not modified since a later date either (section 13.1.3); nginx wants the exact one (if_modified_since exact)",
    ours: "304",
    nginx: "200",
    cases: [1, 700_000].map((size) => `If-Modified-Since ${LATER} of ${size}`),
  },
  {
    verdict: "ours",
    reason: "hidden names and backups are not served unless asked for",
    ours: "404",
    nginx: "200",
    cases: ["/.hidden", "/old~", 'name "...txt"', 'name "..a.txt"'],
  },
  {
    verdict: "ours",
    reason: "an encoded slash separates nothing: no directory is entered by it",
    ours: "404",
    nginx: "200",
    cases: ["/sub%2findex.html"],
  },
  {
    verdict: "ours",
    reason: "a link leads out of the directory nowhere",
    ours: "404",
    nginx: "200",
    cases: ["/way-out"],
  },
  {
    verdict: "ours",
    reason: "a client need not know that there is a directory without an index",
    ours: "404",
    nginx: "403",
    cases: ["/noindex/"],
  },
  {
    verdict: "ours",
    reason: "a route is one mapping with and without its slash",
    ours: "301",
    nginx: "404",
    cases: ["/alias"],
  },
  {
    verdict: "either",
    reason: "above the root is nothing, whether that is called malformed or missing",
    ours: "404",
    nginx: "400",
    cases: ["/../secret", "/%2e%2e/secret", "/..%2fsecret"],
  },
];
