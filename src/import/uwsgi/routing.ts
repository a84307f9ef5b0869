/**
 * uWSGI's internal routing, as far as it is simple: rules that add a field to replies become `headers.add` of the site (by a
 * [map.NAME] where a request has to match), rules that answer become its `rules`. In uWSGI they are asked in order, and what
 * one does may change which others are (`last:`, `goto:`, `rewrite:`): behind one that is not understood nothing is
 * translated.
 */
import { STATUS_CODES } from "node:http";
import { FRAMING } from "../../config/schema-headers.ts";
import { freeName, type MapKey, Settings, type Site, type Value } from "../plan.ts";
import { convertRegex } from "../regex.ts";
import type { Context } from "./context.ts";
import { isYes } from "./given.ts";
import { hasMark, unmark } from "./marks.ts";
import { type Option, showOption } from "./option.ts";
import { remarkOn } from "./remarks.ts";

/** What each compares its expression with (core/routing.c uwsgi_opt_add_route). */
const SUBJECTS: Readonly<Record<string, string>> = {
  route: "$uri",
  "route-uri": "$request_uri",
  "route-qs": "$args",
  "route-host": "$http_host",
  "route-user-agent": "$http_user_agent",
  "route-referer": "$http_referer",
};
/** … whose subject is another here, or none. */
const OTHERS = ["route-run", "route-if", "route-if-not", "route-label", "route-remote-addr", "route-remote-user"];
const ROUTES = [...Object.keys(SUBJECTS), ...OTHERS];
const RESPONSE_ROUTES = [...ROUTES, "route-status"].map((name) => `response-${name}`);

const VARIABLES: Readonly<Record<string, string>> = {
  PATH_INFO: "$uri",
  REQUEST_URI: "$request_uri",
  QUERY_STRING: "$args",
  REQUEST_METHOD: "$request_method",
};

/** They go on with the next rule, and change nothing that a condition looks at. */
const GOES_ON = /^(?:addheader|delheader|remheader|log|logvar|donotlog|donotoffload|setprocname|alarm):/;
const NEEDS_SITE = /(?:^|\s)(?:addheader|redirect[\w-]*|break|return|break-with-status):/;

interface Condition {
  readonly subject: string;
  /** A regular expression of JavaScript, or the whole text. */
  readonly kind: "regex" | "text";
  readonly value: string;
  /** Its numbered captures. */
  readonly groups: number;
}

interface Rule {
  /** Undefined: it holds for every request. */
  readonly condition: Condition | undefined;
  readonly action: string;
}

interface Refusal {
  readonly why: string;
}

/** A field, and the value that its replies get. */
export type AddedField = readonly [name: string, value: string];

export function routesNeedSite(given: Context["given"]): boolean {
  return given.look(...ROUTES, ...RESPONSE_ROUTES).some(({ value = "" }) => NEEDS_SITE.test(value));
}

/** What is added to replies. */
export function translateRouting(context: Context, site: Site): AddedField[] {
  const ofRequests = translateList(context, site, context.given.all(...ROUTES));
  return [...ofRequests, ...translateList(context, undefined, context.given.all(...RESPONSE_ROUTES))];
}

/** `site`: whose rules may answer; undefined: there is an answer already. */
function translateList(context: Context, site: Site | undefined, options: readonly Option[]): AddedField[] {
  const { given } = context;
  const fields: AddedField[] = [];
  const rules: Value[] = [];
  let blocked: Refusal | undefined;
  for (const option of options) {
    const rule = blocked ?? readRule(context, option);
    const field = "why" in rule || rules.length > 0 ? undefined : addedField(context, option, rule);
    const answer = "why" in rule || site === undefined ? undefined : answerOf(rule);
    if (field !== undefined) {
      fields.push(field);
      given.tell("translated", option, "headers.add of the site");
    } else if (answer !== undefined) {
      rules.push(answer);
      given.tell("translated", option, "rules of the site");
    } else {
      const why = "why" in rule ? rule.why : (remarkOn(option.key)?.sentence ?? "");
      given.notSupported(option, why, "changes-meaning");
      if (!GOES_ON.test(actionOf(option)))
        blocked ??= { why: `comes after ${showOption(option)}, which is not carried over` };
    }
  }
  if (rules.length > 0) site?.settings.set("rules", rules, options[0]?.origin);
  return fields;
}

function actionOf({ key, value = "" }: Option): string {
  return key.endsWith("route-run") ? value : value.slice(value.indexOf(" ") + 1);
}

function readRule(context: Context, option: Option): Rule | Refusal {
  const name = option.key.replace(/^response-/, "");
  const action = actionOf(option);
  if (name === "route-run") return { condition: undefined, action };
  const [written = ""] = (option.value ?? "").split(" ", 1);
  const subject = SUBJECTS[name];
  const condition =
    subject !== undefined
      ? regexCondition(context, subject, written)
      : name === "route-status"
        ? ({ subject: "$status", kind: "text", value: written, groups: 0 } as const)
        : name === "route-if"
          ? equalCondition(written)
          : undefined;
  if (condition === undefined) return { why: remarkOn(option.key)?.sentence ?? "" };
  return "why" in condition ? condition : { condition, action };
}

function regexCondition({ given }: Context, subject: string, written: string): Condition | Refusal {
  if (subject === "$uri" && isYes(given.look("manage-script-name").at(-1)) && given.look("mount").length > 0)
    return { why: "is about what follows the mount of an app; write it in headers or rules of a route" };
  if (hasMark(written)) return { why: "has a variable in its expression, which server.toml cannot have" };
  const regex = convertRegex(written, false);
  if ("problem" in regex) return { why: `has an expression that is not one here: ${regex.problem}` };
  const groups = (new RegExp(`${regex.source}|`, "s").exec("")?.length ?? 1) - 1;
  return { subject, kind: "regex", value: regex.ignoreCase ? `(?i)${regex.source}` : regex.source, groups };
}

/** `equal:${HTTP_X_FORWARDED_PROTO};http` */
function equalCondition(written: string): Condition | undefined {
  const [, variable = "", value = ""] = /^equal:\$\{(\w+)\};([\w.:/-]+)$/.exec(written) ?? [];
  const subject = variableOf(variable);
  return subject === undefined ? undefined : { subject, kind: "text", value, groups: 0 };
}

function variableOf(name: string): string | undefined {
  return name.startsWith("HTTP_") ? `$${name.toLowerCase()}` : VARIABLES[name];
}

/** `$1` and `${REQUEST_URI}` of uWSGI as a template; undefined: it has others, or a `$` of its own, which uWSGI leaves out
 *  or not, depending on what follows. */
function templateOf(text: string, groups: number): string | undefined {
  let isKnown = true;
  const template = unmark(text).replace(/\$(\d)|\$\{([^}]*)\}|\$/g, (found: string, group?: string, name?: string) => {
    const isGroup = group !== undefined && Number(group) > 0 && Number(group) <= groups;
    const variable = isGroup ? found : name === undefined ? undefined : variableOf(name);
    if (variable === undefined) isKnown = false;
    return variable ?? "";
  });
  return isKnown ? template : undefined;
}

function addedField({ plan }: Context, option: Option, { condition, action }: Rule): AddedField | undefined {
  const [, name, text] = /^addheader:([^:\s]+):\s*(.*)$/s.exec(action) ?? [];
  if (name === undefined || text === undefined || FRAMING.has(name.toLowerCase())) return undefined;
  const value = templateOf(text, condition?.groups ?? 0);
  if (value === undefined || condition === undefined) return value === undefined ? undefined : [name, value];
  const map = freeName(`added_${name.toLowerCase().replace(/[^a-z0-9]+/g, "_")}`, plan.maps);
  const settings = new Settings<MapKey>();
  settings.set("source", condition.subject, option.origin);
  settings.set("values", { [mapKey(condition)]: value }, option.origin);
  plan.maps.set(map, settings);
  return [name, `$${map}`];
}

/** A text of a map is compared whatever its case; uWSGI's is not. */
function mapKey({ subject, kind, value }: Condition): string {
  if (kind === "regex") return value.startsWith("(?i)") ? `~* ${value.slice(4)}` : `~ ${value}`;
  return subject === "$status" ? value : `~ ^${value.replaceAll(".", "\\.")}$`;
}

function answerOf({ condition, action }: Rule): Record<string, Value> | undefined {
  const [, verb = "", rest = ""] = /^([\w-]+):(.*)$/s.exec(action) ?? [];
  const isPath = condition?.kind === "regex" && condition.subject === "$uri";
  const answer = answerTo(verb, rest, isPath ? condition.groups : 0);
  if (answer === undefined || condition === undefined) return answer;
  const { subject, value } = condition;
  const isLoose = value.startsWith("(?i)");
  const pattern = isLoose ? value.slice(4) : value;
  if (isPath) return { match: `${isLoose ? "~* " : ""}${pattern}`, ...answer };
  return { when: `${subject} ${condition.kind === "text" ? "=" : isLoose ? "~*" : "~"} ${pattern}`, ...answer };
}

function answerTo(verb: string, rest: string, groups: number): Record<string, Value> | undefined {
  switch (verb) {
    case "redirect":
    case "redirect-302":
    case "redirect-301":
    case "redirect-permanent": {
      const to = templateOf(rest, groups);
      const status = verb === "redirect" || verb === "redirect-302" ? 302 : 301;
      return to === undefined || !/^(?:https?:\/\/|\/(?!\/))/.test(to) ? undefined : { redirect: to, status };
    }
    case "break":
      return /^[2-5]\d\d(?: |$)/.test(rest) ? { respond: "", status: Number(rest.slice(0, 3)) } : undefined;
    case "return":
    case "break-with-status": {
      const text = /^[2-5]\d\d$/.test(rest) ? STATUS_CODES[rest] : undefined;
      return text === undefined ? undefined : { respond: text, status: Number(rest) };
    }
    default:
      return undefined;
  }
}
