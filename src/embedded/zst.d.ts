/** With `{ type: "file" }` the default export is the path of the file, inside the executable or on disk. */
declare module "*.tar.zst" {
  const path: string;
  export default path;
}
