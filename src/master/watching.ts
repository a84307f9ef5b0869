/** Which files of which apps are watched, and that a change of them is a reload: `reload_on_change` and `touch_reload`. */
import { dirname, delimiter, resolve } from "node:path";
import type { AppControl } from "../apps/status.ts";
import type { AppConfig, Config } from "../config/config.ts";
import { editableFolders } from "./editable.ts";
import type { Operations } from "./operations.ts";
import { snapshotFiles, snapshotTrees } from "./snapshot.ts";
import { Watch } from "./watch.ts";

export function watchApps(config: Config, operations: Operations): Watch[] {
  return config.apps.flatMap((app) => {
    const isMeant = ({ name }: AppControl) => name === app.name;
    const reload = (path: string) =>
      operations.reloadApps(operations.apps.filter(isMeant), `${path} changed`, () => {});
    const watches: Watch[] = [];
    if (app.touchReload.length > 0)
      watches.push(new Watch({ look: () => snapshotFiles(app.touchReload), changed: reload }));
    if (app.reloadOnChange) {
      const folders = sourceFolders(app);
      watches.push(new Watch({ look: () => snapshotTrees(folders), changed: reload }));
    }
    return watches;
  });
}

/** Where the project's own modules come from; what is installed in the virtualenv does not change while one works. */
function sourceFolders(app: AppConfig): string[] {
  const pythonPath = (app.env["PYTHONPATH"] ?? process.env["PYTHONPATH"] ?? "").split(delimiter).filter(Boolean);
  const file = app.wsgi.kind === "file" ? [dirname(app.wsgi.file)] : [];
  const extra = [...app.process.pythonPath, ...pythonPath.map((folder) => resolve(app.root, folder)), ...file];
  return [...new Set([app.root, ...extra, ...editableFolders(app.python)])];
}
