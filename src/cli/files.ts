/** `server files [DIR]`: serves a folder without a file. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { emptyPlan, type RouteKey, Settings, type SiteKey } from "../import/plan.ts";
import { type Command, EXIT_USAGE } from "./command.ts";
import { DOMAIN_OPTION, LISTEN_OPTION, listOf, PRINT_OPTION, textOf, USER_OPTION } from "./quick-options.ts";

export const FILES: Command = {
  name: "files",
  summary: "Serve the files of a folder, without a file",
  usage: "[DIR] [--listen ADDRESS]… [--domain NAME]… [--listing] [--spa] [--print]",
  doc: "DIR is this folder unless given. Dotfiles are not served, and symbolic links lead nowhere outside of it.",
  options: {
    listen: LISTEN_OPTION,
    domain: DOMAIN_OPTION,
    listing: {
      type: "boolean",
      short: "L",
      value: "",
      doc: "Shows what is in a directory that has no index.html.",
    },
    spa: {
      type: "boolean",
      short: "s",
      value: "",
      doc: "A single-page application: paths that are no file get /index.html.",
    },
    user: USER_OPTION,
    print: PRINT_OPTION,
  },
  positionalsMax: 1,
  async run(given, terminal) {
    const [folder = "."] = given.positionals;
    const { listing, spa, print } = given.options;
    const found = statSync(resolve(terminal.folder, folder), { throwIfNoEntry: false });
    if (found?.isDirectory() !== true) {
      const what = found === undefined ? "there is none" : "it is none";
      terminal.stderr(`server files: ${folder} should be a directory; ${what}\n`);
      return EXIT_USAGE;
    }
    const { addressSite, serveQuickly } = await import("./quick.ts");
    const plan = emptyPlan();
    const user = textOf(given, "user");
    if (user !== undefined) plan.server.set("user", user);
    const site = new Settings<SiteKey>();
    const route = new Settings<RouteKey>();
    addressSite(site, listOf(given, "listen"), listOf(given, "domain"));
    route.set("files", folder.endsWith("/") ? folder : `${folder}/`);
    if (listing === true) route.set("listing", true);
    if (spa === true) route.set("try", ["$uri", "/index.html"]);
    const routes = [{ pattern: "/", settings: route, origin: undefined }];
    plan.sites.push({ settings: site, routes, origin: undefined });
    const source = (key: string) =>
      key === "server.user"
        ? "--user"
        : key.endsWith(".listen")
          ? "--listen"
          : key.endsWith(".names")
            ? "--domain"
            : "DIR";
    return serveQuickly({ words: ["files", ...given.words], plan, source, print: print === true }, terminal);
  },
};
