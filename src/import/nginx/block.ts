/**
 * A block of directives with those around it: what is in force inside. nginx inherits a directive from the next block
 * around that has it, and of those that may be repeated (add_header, allow, …) all or none.
 */
import type { Directive } from "./parser.ts";

export class Block {
  readonly directives: readonly Directive[];
  readonly parent: Block | undefined;

  constructor(directives: readonly Directive[], parent: Block | undefined) {
    this.directives = directives;
    this.parent = parent;
  }

  /** In this block itself. */
  own(name: string): Directive[] {
    return this.directives.filter((directive) => directive.name === name);
  }

  /** In force here: those of the nearest block that has one. */
  inForce(name: string): Directive[] {
    const own = this.own(name);
    return own.length > 0 || this.parent === undefined ? own : this.parent.inForce(name);
  }

  /** In force here of several directives that are inherited together, such as allow and deny. */
  inForceOf(names: readonly string[]): Directive[] {
    const own = this.directives.filter(({ name }) => names.includes(name));
    return own.length > 0 || this.parent === undefined ? own : this.parent.inForceOf(names);
  }

  /** Of a directive that may stand once. */
  one(name: string): Directive | undefined {
    return this.inForce(name).at(-1);
  }

  /** Its first argument. */
  value(name: string): string | undefined {
    return this.one(name)?.args[0]?.text;
  }

  has(name: string): boolean {
    return this.own(name).length > 0;
  }
}
