export { RedisServer, type RedisServerOptions } from '../../libs/jobs/src/redis-server.fixture.js';
