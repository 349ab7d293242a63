/** Every endpoint of the product, in the order of the documentation. */
import { apiKeysEndpoints } from "./api-keys/routes.ts";
import { attachmentsEndpoints } from "./attachments/routes.ts";
import { auditEndpoints } from "./audit/routes.ts";
import { commentModerationEndpoints } from "./comment-moderation/routes.ts";
import { commentsEndpoints } from "./comments/routes.ts";
import { contentBatchesEndpoints } from "./content-batches/routes.ts";
import { contentReadingEndpoints } from "./content-reading/routes.ts";
import { contentVersionsEndpoints } from "./content-versions/routes.ts";
import { contentsEndpoints } from "./contents/routes.ts";
import { countersEndpoints } from "./counters/routes.ts";
import { erasuresEndpoints } from "./erasures/routes.ts";
import { exportsEndpoints } from "./exports/routes.ts";
import { guardEndpoints } from "./guard/routes.ts";
import { type Endpoint, ruled } from "./http/endpoint.ts";
import { importsEndpoints } from "./imports/routes.ts";
import { linksEndpoints } from "./links/routes.ts";
import { organizationsEndpoints } from "./organizations/routes.ts";
import { permissionsEndpoints } from "./permissions/routes.ts";
import { publicationsEndpoints } from "./publications/routes.ts";
import { quotasEndpoints } from "./quotas/routes.ts";
import { ratingsEndpoints } from "./ratings/routes.ts";
import { renamesEndpoints } from "./renames/routes.ts";
import { reviewsEndpoints } from "./reviews/routes.ts";
import { searchEndpoints } from "./search/routes.ts";
import { secondFactorsEndpoints } from "./second-factors/routes.ts";
import { securityEndpoints } from "./security/routes.ts";
import { sessionsEndpoints } from "./sessions/routes.ts";
import { signUpsEndpoints } from "./sign-ups/routes.ts";
import { skillsEndpoints } from "./skills/routes.ts";
import { tagsEndpoints } from "./tags/routes.ts";
import { userPasswordsEndpoints } from "./user-passwords/routes.ts";
import { userRolesEndpoints } from "./user-roles/routes.ts";
import { usersEndpoints } from "./users/routes.ts";

export const endpoints: readonly Endpoint[] = ruled([
  ...organizationsEndpoints,
  ...quotasEndpoints,
  ...signUpsEndpoints,
  ...sessionsEndpoints,
  ...secondFactorsEndpoints,
  ...usersEndpoints,
  ...userRolesEndpoints,
  ...userPasswordsEndpoints,
  ...importsEndpoints,
  ...exportsEndpoints,
  ...erasuresEndpoints,
  ...permissionsEndpoints,
  ...apiKeysEndpoints,
  ...linksEndpoints,
  ...contentReadingEndpoints,
  ...contentsEndpoints,
  ...reviewsEndpoints,
  ...publicationsEndpoints,
  ...contentVersionsEndpoints,
  ...contentBatchesEndpoints,
  ...ratingsEndpoints,
  ...countersEndpoints,
  ...commentsEndpoints,
  ...commentModerationEndpoints,
  ...attachmentsEndpoints,
  ...tagsEndpoints,
  ...skillsEndpoints,
  ...renamesEndpoints,
  ...searchEndpoints,
  ...guardEndpoints,
  ...securityEndpoints,
  ...auditEndpoints,
]);
