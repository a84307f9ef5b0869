/** CHANGELOG.md as a release has it: of the version that is released it says when. */

/** Throws when there is no section: a release whose changes nobody wrote down is not one. `date`: as `2026-12-01`. */
export function released(version: string, date: string, changelog: string): string {
  const section = sectionOf(version, changelog);
  const heading = headingOf(section);
  // Until it is released it is headed `Unreleased (0.1.0)`.
  return /unreleased/i.test(heading) ? changelog.replace(`## ${heading}\n`, `## ${version} (${date})\n`) : changelog;
}

/** The part that tells of one version. */
export function sectionOf(version: string, changelog: string): string {
  const sections = changelog.split(/^(?=## )/m).slice(1);
  const section = sections.find((text) =>
    headingOf(text)
      .split(/[\s()[\]]+/)
      .includes(version),
  );
  if (section === undefined) throw new Error(`CHANGELOG.md has no section for ${version}, the version in package.json`);
  return section;
}

function headingOf(section: string): string {
  return section.slice(3, section.indexOf("\n"));
}
