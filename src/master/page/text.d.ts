/** The page of this folder is embedded as text. */
declare module "*/status.html" {
  const text: string;
  export default text;
}
