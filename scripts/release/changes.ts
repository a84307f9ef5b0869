/** The part of CHANGELOG.md that tells of one version. */

/** Throws when there is none: a release whose changes nobody wrote down is not one. */
export function changesOf(version: string, changelog: string): string {
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
