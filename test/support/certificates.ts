/** An authority of our own and certificates in its name, made by openssl for one test. */
import { join } from "node:path";
import { writeFiles } from "./folder.ts";

export function opensslMissing(): string | undefined {
  return Bun.which("openssl") === null ? "openssl is not installed" : undefined;
}

export interface CertificateOptions {
  /** `DNS:backend.test,IP:127.0.0.1` */
  readonly names: string;
  /** Signs itself instead of being signed by the authority. */
  readonly selfSigned?: boolean;
  readonly expired?: boolean;
  readonly key?: "ec" | "rsa";
  /** Locks the key. */
  readonly passphrase?: string;
}

export class Authority {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    this.openssl(
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=test-authority",
    );
  }

  get pem(): string {
    return join(this.folder, "ca.pem");
  }

  /** `NAME.pem` and `NAME.key` in the folder. */
  make(name: string, options: CertificateOptions): { pem: string; key: string } {
    const { names, selfSigned = false, expired = false, key = "ec", passphrase } = options;
    const kind = key === "ec" ? "ec -pkeyopt ec_paramgen_curve:P-256" : "rsa:2048";
    const lock = passphrase === undefined ? "-nodes" : `-passout pass:${passphrase}`;
    const files = { pem: join(this.folder, `${name}.pem`), key: join(this.folder, `${name}.key`) };
    writeFiles(this.folder, { [`${name}.ext`]: `subjectAltName=${names}\n` });
    this.openssl(`req -newkey ${kind} ${lock} -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`);
    const signer = selfSigned ? `-signkey ${name}.key` : "-CA ca.pem -CAkey ca.key -CAcreateserial";
    this.openssl(
      `x509 -req -in ${name}.csr ${signer} -out ${name}.pem -days ${expired ? -1 : 20} -extfile ${name}.ext`,
    );
    return files;
  }

  private openssl(command: string): void {
    const { exitCode, stderr } = Bun.spawnSync(["openssl", ...command.split(" ")], { cwd: this.folder });
    if (exitCode !== 0) throw new Error(`openssl ${command}: ${stderr.toString()}`);
  }
}
