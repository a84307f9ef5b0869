import { expect, test } from "bun:test";
import { asksForAlpn } from "../../src/net/client-hello.ts";

const u8 = (content: number[]) => [content.length, ...content];
const u16 = (content: number[]) => [content.length >> 8, content.length & 255, ...content];
const ascii = (text: string) => [...Buffer.from(text)];

function hello(...offered: string[]): Uint8Array {
  const alpn = [0, 16, ...u16(u16(offered.flatMap((name) => u8(ascii(name)))))];
  const sni = [0, 0, ...u16(u16([0, ...u16(ascii("a.test"))]))];
  const extensions = u16([...sni, ...(offered.length === 0 ? [] : alpn), 0, 23, 0, 0]);
  const random = Array.from({ length: 32 }, () => 7);
  const body = [3, 3, ...random, ...u8([1, 2, 3]), ...u16([0x13, 0x01]), ...u8([0]), ...extensions];
  return Uint8Array.from([22, 3, 1, ...u16([1, 0, ...u16(body)])]);
}

test("a client hello offers what its ALPN extension names", () => {
  expect(asksForAlpn(hello("acme-tls/1"), "acme-tls/1")).toBe(true);
  expect(asksForAlpn(hello("h2", "http/1.1"), "http/1.1")).toBe(true);
  expect(asksForAlpn(hello("h2", "http/1.1"), "acme-tls/1")).toBe(false);
  expect(asksForAlpn(hello(), "acme-tls/1")).toBe(false);
});

test("a hello that is cut short anywhere, or is none, offers nothing", () => {
  const whole = hello("acme-tls/1");
  // The last extension comes after the one that is looked for.
  for (let length = 0; length < whole.length - 4 - "acme-tls/1".length; length++) {
    expect(asksForAlpn(whole.subarray(0, length), "acme-tls/1")).toBe(false);
  }
  expect(asksForAlpn(Buffer.from("GET / HTTP/1.1\r\n\r\n"), "acme-tls/1")).toBe(false);
});
