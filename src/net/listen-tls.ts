/**
 * Accepting encrypted connections: the twin of listen.ts. The owner of a wire hears `secured` when the handshake is done, and
 * nothing of the connection's bytes before; or that it was `refused`. Deadlines are its own.
 *
 * Which certificate is shown is asked at each handshake, by the name that the client says (SNI), so that certificates change
 * without a new listener. Only the one for clients that say no name is part of Bun's listener: `refresh` takes up another one
 * by listening anew on the same socket.
 *
 *   open ──▶ (serverName) ──▶ (alpnCallback) ──▶ handshake ──▶ data, drain, end, close: as on any wire
 */
import type { Socket, SocketHandler } from "bun";
import type { X509Certificate } from "node:crypto";
import { peek } from "../os/peek.ts";
import { duplicate, sendPacket } from "../os/sockets.ts";
import { acknowledge, ownAddress, withLittleUnsent } from "../os/stream-socket.ts";
import { type Before, BeforeTls } from "./before-tls.ts";
import { asksForAlpn } from "./client-hello.ts";
import type { Listener } from "./listener.ts";
import { withoutPathModel } from "./path-model.ts";
import { makeEmptyContext, type ServerContext, type TlsPolicy } from "./server-tls.ts";
import { SOCKET_EVENTS, SocketWire } from "./socket-wire.ts";
import { NO_CERTIFICATE, type TlsFacts } from "./tls-facts.ts";
import type { OwnedWire, WireOwner } from "./wire.ts";

/** What a client is answered with. */
export interface TlsChoice {
  readonly context: ServerContext;
  /** Clients are asked for a certificate of these authorities, which this names; "" for none. Whether they have shown a good
   *  one is in the facts, and what follows from it is the owner's business. */
  readonly asks: string;
}

export interface SecureOwner extends WireOwner {
  secured(facts: TlsFacts): void;
  /** The handshake failed: for the log. "" when the client only left, as health checks do. `closed` follows. */
  refused(why: string): void;
  /** Where something comes before TLS: the next bytes of it. Who refuses them has closed the wire. */
  readonly before?: Before | undefined;
}

export interface TlsListenOptions {
  /** A listening descriptor; what is listened on are duplicates of it. */
  readonly fd: number;
  readonly policy: TlsPolicy;
  /** Undefined as `serverName`: the client names none. Undefined as answer: the handshake is refused. */
  readonly choose: (serverName: string | undefined) => TlsChoice | undefined;
  /** A certificate for a CA that asks for proof that a name is ours (RFC 8737); undefined when none is under way. */
  readonly challenge?: (serverName: string) => ServerContext | undefined;
  /** Is any under way? */
  readonly challenged?: () => boolean;
  /** Called for each connection, before its handshake. */
  readonly accept: (wire: OwnedWire) => SecureOwner;
  /** What a client gets that speaks HTTP without TLS. */
  readonly plainAnswer: () => Uint8Array;
}

export interface TlsListener extends Listener {
  /** To be called when `choose` answers otherwise than before. */
  refresh(): void;
}

export function listenTls(options: TlsListenOptions): TlsListener {
  return new Listening(options);
}

/** RFC 7301; `acme-tls/1` is RFC 8737. */
const HTTP_1_1 = "http/1.1";
const ACME_TLS = "acme-tls/1";

/** A fatal alert (RFC 8446 section 6), unrecognized_name (RFC 6066 section 3), in a record of its own. */
const UNRECOGNIZED_NAME = Uint8Array.of(21, 3, 3, 0, 2, 2, 112);

/** While a challenge is under way: how long a connection may take to say what it is for, and how often it is asked. */
const HELLO_WAIT_MS = 2_000;
const HELLO_ASK_MS = 10;
/** What CAs send is a tenth of it. */
const HELLO_BYTES_MAX = 4096;

/** What Bun's sockets have and its types do not say (a test pins it). */
interface TlsSocket {
  readonly fd: number;
  readonly alpnProtocol: string | false;
  readonly authorized: boolean;
  setVerifyMode(request: boolean, reject: boolean): void;
  getTLSVersion(): string;
  getCipher(): { readonly name: string };
  isSessionReused(): boolean;
  getPeerX509Certificate(): X509Certificate | undefined;
}

class TlsWire extends SocketWire {
  /** Until the handshake is done. */
  awaiting: SecureOwner | undefined = undefined;
  /** As long as it comes. */
  before: BeforeTls | undefined = undefined;
  isChallenge = false;
  serverName = "";
  asks = "";
  hasWritten = false;

  constructor() {
    super(false, true);
  }

  override write(bytes: Uint8Array, offset: number, length: number): number {
    this.hasWritten = true;
    return super.write(bytes, offset, length);
  }

  override lost(): void {
    this.before?.closed();
    super.lost();
  }
}

type Opened = Socket<SocketWire> & TlsSocket;

class Listening implements TlsListener {
  private readonly options: TlsListenOptions;
  private nameless: TlsChoice | undefined;
  private listener: { stop(closeActive: boolean): void };

  constructor(options: TlsListenOptions) {
    this.options = options;
    this.nameless = options.choose(undefined);
    this.listener = this.listen();
  }

  refresh(): void {
    const nameless = this.options.choose(undefined);
    if (nameless?.context === this.nameless?.context && nameless?.asks === this.nameless?.asks) return;
    this.nameless = nameless;
    const before = this.listener;
    this.listener = this.listen();
    before.stop(false);
  }

  stop(): void {
    this.listener.stop(false);
  }

  /** Bun accepts when its loop says so, and not before. */
  finish(): void {
    this.stop();
  }

  private listen() {
    const { fd, policy } = this.options;
    withLittleUnsent(fd);
    withoutPathModel(fd, ownAddress(fd).host);
    const { handle } = this.nameless?.context ?? makeEmptyContext(policy);
    const settings = { fd: duplicate(fd), allowHalfOpen: true, tls: { secureContext: handle }, socket: this.events() };
    return Bun.listen<SocketWire>(settings as unknown as Bun.UnixSocketOptions<SocketWire>);
  }

  private events(): SocketHandler<SocketWire> {
    const more = {
      serverName: (_: unknown, name: string, socket: Opened) => this.named(socket, name.toLowerCase()),
      alpnCallback: (socket: Opened, _: string, offered: Buffer) => protocolOf(offered, wireOf(socket).isChallenge),
    };
    return {
      ...SOCKET_EVENTS,
      open: (socket) => this.opened(socket as Opened),
      handshake: (socket, ok, error) => this.handshaken(socket as Opened, ok, error ?? undefined),
      ...more,
    };
  }

  private opened(socket: Opened): void {
    const wire = new TlsWire();
    socket.data = wire;
    wire.opened(socket);
    if (this.nameless !== undefined && this.nameless.asks !== "") this.ask(socket, wire, this.nameless);
    wire.awaiting = this.options.accept(wire);
    wire.owner = wire.awaiting;
    const { before } = wire.awaiting;
    if (before === undefined || wire.descriptor === -1) return this.begin(socket, wire);
    wire.before = new BeforeTls(wire, before, () => this.begin(socket, wire));
    wire.before.begin();
  }

  private begin(socket: Opened, wire: TlsWire): void {
    if (this.options.challenged?.() === true) this.awaitHello(socket, wire, HELLO_WAIT_MS);
  }

  /** Bun shows the client's name before its protocols, and the certificate of a challenge is for one protocol only: so the
   *  client's first message is looked at while it is still in the kernel. */
  private awaitHello(socket: Opened, wire: TlsWire, leftMs: number): void {
    const hello = peek(socket.fd, HELLO_BYTES_MAX);
    if (hello.length > 0 || leftMs <= 0) {
      wire.isChallenge = asksForAlpn(hello, ACME_TLS);
      return wire.resume();
    }
    wire.pause();
    setTimeout(() => {
      if (wire.descriptor !== -1) this.awaitHello(socket, wire, leftMs - HELLO_ASK_MS);
    }, HELLO_ASK_MS);
  }

  /** What Bun makes of the answer: a context, or false for none. */
  private named(socket: Opened, name: string): object | false {
    const wire = wireOf(socket);
    wire.serverName = name;
    if (wire.isChallenge) return this.options.challenge?.(name)?.handle ?? false;
    const choice = this.options.choose(name);
    if (choice === undefined) return false;
    this.ask(socket, wire, choice);
    return choice.context.handle;
  }

  private ask(socket: Opened, wire: TlsWire, { asks }: TlsChoice): void {
    if (asks !== wire.asks) socket.setVerifyMode(asks !== "", false);
    wire.asks = asks;
  }

  private handshaken(socket: Opened, ok: boolean, error: Error | undefined): void {
    const wire = wireOf(socket);
    const { awaiting } = wire;
    wire.awaiting = undefined;
    if (ok && !wire.isChallenge) {
      // What is sent acknowledges it, too: most often there is a request by then, and its reply.
      setImmediate(acknowledgeUnlessWritten, wire);
      return awaiting?.secured(factsOf(socket, wire, error));
    }
    const reason = ok ? "" : this.reasonOf(error, wire);
    const last = this.lastWord(reason);
    // Past Bun, which writes nothing in the clear on this socket; the kernel has room for the first bytes.
    if (last !== undefined) sendPacket(socket.fd, last, last.length);
    awaiting?.refused(ok ? "it was a challenge of a CA, and is answered" : whyOf(reason, wire));
    wire.close();
  }

  /** `error:10000085:SSL routines:OPENSSL_internal:CONNECTION_REJECTED` → its end. */
  private reasonOf(error: Error | undefined, { serverName }: TlsWire): string {
    const reason = error?.message.replace(/^error:[0-9a-f]+:.*:/, "") ?? "";
    // Without a certificate TLS 1.2 has no cipher that would do.
    const isNameless = reason === "NO_SHARED_CIPHER" && serverName === "" && this.nameless === undefined;
    return isNameless ? "NO_CERTIFICATE_SET" : reason;
  }

  /** What Bun does not tell the client. */
  private lastWord(reason: string): Uint8Array | undefined {
    if (reason === "HTTP_REQUEST") return this.options.plainAnswer();
    return reason === "CONNECTION_REJECTED" ? UNRECOGNIZED_NAME : undefined;
  }
}

function acknowledgeUnlessWritten(wire: TlsWire): void {
  if (!wire.hasWritten && wire.descriptor !== -1) acknowledge(wire.descriptor);
}

function wireOf(socket: Opened): TlsWire {
  return socket.data as TlsWire;
}

/** A client that offers protocols and not ours is refused (RFC 7301 section 3.2), so that nobody makes it take our bytes for
 *  another protocol's (ALPACA). */
function protocolOf(offered: Buffer, isChallenge: boolean): string | undefined {
  const wanted = isChallenge ? ACME_TLS : HTTP_1_1;
  for (let at = 0; at < offered.length; at += 1 + (offered[at] as number)) {
    if (offered.latin1Slice(at + 1, at + 1 + (offered[at] as number)) === wanted) return wanted;
  }
  return undefined;
}

function factsOf(socket: Opened, { serverName, asks }: TlsWire, error: Error | undefined): TlsFacts {
  const certificate = asks === "" ? undefined : (socket.getPeerX509Certificate() ?? undefined);
  return {
    version: socket.getTLSVersion(),
    cipher: socket.getCipher().name,
    serverName,
    alpn: socket.alpnProtocol || "",
    reused: socket.isSessionReused(),
    asked: asks,
    verify: verdict(certificate, socket.authorized, error),
    certificate,
  };
}

function verdict(certificate: X509Certificate | undefined, authorized: boolean, error: Error | undefined): string {
  if (certificate === undefined) return NO_CERTIFICATE;
  return authorized ? "SUCCESS" : `FAILED:${error?.message ?? "not verified"}`;
}

function whyOf(reason: string, { serverName }: TlsWire): string {
  if (reason.startsWith("Client network socket disconnected")) return "";
  if (reason === "CONNECTION_REJECTED") return `no site here is called ${JSON.stringify(serverName)}`;
  if (reason === "NO_CERTIFICATE_SET") return "the client names no site (SNI), and there is no default one";
  if (reason === "HTTP_REQUEST") return "HTTP without TLS";
  return reason.toLowerCase().replaceAll("_", " ");
}
