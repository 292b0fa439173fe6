import * as Schema from "effect/Schema"
import { ExitReason } from "../ExitReason.ts"
import { Info } from "../Message.ts"

/**
 * An exit signal as a trapping server sees it: OTP's `{'EXIT', From, Reason}`. `from` names the process that sent it,
 * and is empty if it was none.
 */
export class ExitSignal extends Info<ExitSignal>()("EXIT", { from: Schema.String, reason: ExitReason }) {}
