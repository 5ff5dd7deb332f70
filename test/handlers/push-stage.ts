import { afterAll } from '@jest/globals'
import { PUSH_SETTINGS, PushService } from '../push-service.ts'
import { stage } from './stage.ts'

/** Serves the group `push` inside the test, with a push service of its own. Call it once, at the top of a test file. */
export async function pushStage() {
  const service = await PushService.open()
  const push = service.sender()
  afterAll(async () => {
    await push.close()
    await service.close()
  })
  return { service, ...(await stage('push', PUSH_SETTINGS, push)) }
}
