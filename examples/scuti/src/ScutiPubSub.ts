/** Where the changes of the table are told. */
import * as PubSub from "@effect-otp/core/PubSub"
import { Update } from "./Updates.ts"

export class ScutiPubSub extends PubSub.Service<ScutiPubSub>()("@app/Scuti.PubSub") {}

/** The changes of the table, one by one. */
export const Updated = PubSub.topic("hashmap", Update)
