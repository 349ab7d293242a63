import { workOffRename } from "../src/renames/renames.ts";
import { renameSkillsIn } from "../src/skills/skills.ts";
import { renameTagsIn } from "../src/tags/tags.ts";
import type { Handler } from "./runner.ts";

/** Works off a renaming of tags or skills. */
export const renameWords: Handler<"rename-words"> = (deps, job) =>
  workOffRename(deps, job, { tags: renameTagsIn, skills: renameSkillsIn });
