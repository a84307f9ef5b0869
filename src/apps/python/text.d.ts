/** The Python files of this folder are embedded as text. */
declare module "*.py" {
  const text: string;
  export default text;
}
