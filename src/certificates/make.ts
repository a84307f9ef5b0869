/**
 * Certificates that we make ourselves, and requests for those that we do not: PKCS #10 (RFC 2986) and X.509 (RFC 5280), with
 * keys on P-256. What comes out is read by BoringSSL, openssl and CAs; nothing here reads.
 */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";
import { bits, der, implicit, integer, octets, oid, sequence, set, tagged, time, utf8, yes } from "./der.ts";

const ECDSA_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));
const SUBJECT_ALT_NAME = "2.5.29.17";
const BASIC_CONSTRAINTS = "2.5.29.19";
const KEY_USAGE = "2.5.29.15";
const SUBJECT_KEY_ID = "2.5.29.14";
const AUTHORITY_KEY_ID = "2.5.29.35";
const EXTENDED_KEY_USAGE = "2.5.29.37";
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const EXTENSION_REQUEST = "1.2.840.113549.1.9.14";
const COMMON_NAME = "2.5.4.3";
/** RFC 8737 section 6.1. */
const ACME_IDENTIFIER = "1.3.6.1.5.5.7.1.31";

export function newKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

/** In DER. `names`: hosts and addresses; none is the subject, which nobody looks at any more. */
export function makeRequest(names: readonly string[], key: KeyObject): Buffer {
  const extensions = sequence(oid(EXTENSION_REQUEST), set(sequence(subjectAltName(names))));
  return signed(sequence(integer(Buffer.from([0])), sequence(), spkiOf(key), tagged(0, extensions)), key);
}

export interface Making {
  /** Common name. */
  readonly subject: string;
  /** None for an authority. */
  readonly names: readonly string[];
  /** A public one will do where another signs. */
  readonly key: KeyObject;
  readonly from: Date;
  readonly to: Date;
  /** Undefined: it signs itself. */
  readonly issuer?: { readonly subject: string; readonly key: KeyObject };
  /** Answers a challenge of a CA: the digest of the key authorization (RFC 8737 section 3). */
  readonly acmeDigest?: Uint8Array;
}

/** In PEM. */
export function makeCertificate(making: Making): string {
  const { subject, key, from, to } = making;
  const issuer = making.issuer ?? { subject, key };
  const body = sequence(
    tagged(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ECDSA_SHA256,
    nameOf(issuer.subject),
    sequence(time(from), time(to)),
    nameOf(subject),
    spkiOf(key),
    tagged(3, sequence(...extensionsOf(making, issuer.key))),
  );
  const base64 = signed(body, issuer.key).toString("base64").replace(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}

function extensionsOf({ names, key, issuer, acmeDigest }: Making, issuerKey: KeyObject): Buffer[] {
  const isAuthority = names.length === 0;
  const ids = [
    extension(SUBJECT_KEY_ID, octets(keyId(key))),
    ...(issuer === undefined ? [] : [extension(AUTHORITY_KEY_ID, sequence(implicit(0, keyId(issuerKey))))]),
  ];
  // digitalSignature; keyCertSign and cRLSign
  if (isAuthority)
    return [
      extension(BASIC_CONSTRAINTS, sequence(yes()), true),
      extension(KEY_USAGE, bits(Buffer.from([0x06]), 1), true),
      ...ids,
    ];
  return [
    extension(BASIC_CONSTRAINTS, sequence(), true),
    extension(KEY_USAGE, bits(Buffer.from([0x80]), 7), true),
    extension(EXTENDED_KEY_USAGE, sequence(oid(SERVER_AUTH))),
    subjectAltName(names),
    ...ids,
    ...(acmeDigest === undefined ? [] : [extension(ACME_IDENTIFIER, octets(acmeDigest), true)]),
  ];
}

function extension(id: string, value: Uint8Array, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [yes()] : []), octets(value));
}

function subjectAltName(names: readonly string[]): Buffer {
  const general = names.map((name) => {
    const address = addressBytes(name.replace(/^\[|\]$/g, ""));
    return address === undefined ? implicit(2, Buffer.from(name)) : implicit(7, address);
  });
  return extension(SUBJECT_ALT_NAME, sequence(...general));
}

function addressBytes(text: string): Buffer | undefined {
  const family = isIP(text);
  if (family === 4) return Buffer.from(text.split(".").map(Number));
  if (family === 0) return undefined;
  // The one form in which every group stands.
  const [head = "", tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split("::");
  const groups = (part: string | undefined) => (part === undefined || part === "" ? [] : part.split(":"));
  const [before, after] = [groups(head), groups(tail)];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  return Buffer.from([...before, ...zeros, ...after].map((group) => group.padStart(4, "0")).join(""), "hex");
}

function nameOf(commonName: string): Buffer {
  return sequence(set(sequence(oid(COMMON_NAME), utf8(commonName))));
}

function spkiOf(key: KeyObject): Buffer {
  return (key.type === "public" ? key : createPublicKey(key)).export({ type: "spki", format: "der" });
}

/** RFC 5280 section 4.2.1.2 leaves it to us what it is; it must be the same for the same key. */
function keyId(key: KeyObject): Buffer {
  return createHash("sha256").update(spkiOf(key)).digest().subarray(0, 20);
}

function signed(body: Buffer, key: KeyObject): Buffer {
  return sequence(body, ECDSA_SHA256, der(0x03, Buffer.from([0]), sign("sha256", body, key)));
}
