/** Every endpoint of the product, in the order of the documentation. */
import { contentsEndpoints } from "./contents/routes.ts";
import { guardEndpoints } from "./guard/routes.ts";
import { type Endpoint, ruled } from "./http/endpoint.ts";
import { organizationsEndpoints } from "./organizations/routes.ts";
import { permissionsEndpoints } from "./permissions/routes.ts";
import { permissions } from "./permissions.ts";
import { searchEndpoints } from "./search/routes.ts";
import { securityEndpoints } from "./security/routes.ts";
import { sessionsEndpoints } from "./sessions/routes.ts";
import { usersEndpoints } from "./users/routes.ts";

export const endpoints: readonly Endpoint[] = ruled(permissions, [
  ...organizationsEndpoints,
  ...sessionsEndpoints,
  ...usersEndpoints,
  ...permissionsEndpoints,
  ...contentsEndpoints,
  ...searchEndpoints,
  ...guardEndpoints,
  ...securityEndpoints,
]);
