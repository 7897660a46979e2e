/** What must be there before any of Grafana's packages works: it is imported first. */
import * as compat from 'compat';
import { fillRegistries } from './registries';

fillRegistries();

export { compat };
