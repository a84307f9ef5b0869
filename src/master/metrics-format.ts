/** The text format of Prometheus, version 0.0.4 (prometheus.io, "Exposition formats"): families of samples with labels. */

export type Labels = Readonly<Record<string, string | number>>;

export type MetricType = "counter" | "gauge" | "histogram";

export class MetricsText {
  private text = "";

  /** Without samples it is left out. */
  family(name: string, type: MetricType, help: string, samples: readonly (readonly [Labels, number])[]): void {
    if (samples.length === 0) return;
    this.head(name, type, help);
    for (const [labels, value] of samples) this.sample(name, labels, value);
  }

  /** `counts`: of each bound and of what is beyond, not cumulative; `bounds` and `sum` in seconds. */
  histogram(
    name: string,
    help: string,
    bounds: readonly number[],
    samples: readonly { readonly labels: Labels; readonly counts: readonly number[]; readonly sum: number }[],
  ): void {
    if (samples.length === 0) return;
    this.head(name, "histogram", help);
    for (const { labels, counts, sum } of samples) {
      let below = 0;
      bounds.forEach((bound, i) => {
        below += counts[i] ?? 0;
        this.sample(`${name}_bucket`, { ...labels, le: bound }, below);
      });
      const all = below + (counts[bounds.length] ?? 0);
      this.sample(`${name}_bucket`, { ...labels, le: "+Inf" }, all);
      this.sample(`${name}_sum`, labels, sum);
      this.sample(`${name}_count`, labels, all);
    }
  }

  private head(name: string, type: MetricType, help: string): void {
    this.text += `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
  }

  private sample(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(String(text))}"`);
    this.text += `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
  }

  toString(): string {
    return this.text;
  }
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
