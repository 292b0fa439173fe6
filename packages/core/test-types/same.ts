// The parts of a union are shown in an order of the compiler's own: where there is one, the type is compared.
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

export const same = <A, B>(_: Same<A, B>): void => {}
