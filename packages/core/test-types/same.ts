// Compares types that an editor cuts short, or shows in a form that is not the point.
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

export const same = <A, B>(_: Same<A, B>): void => {}
