namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>How two numbers compare. The values are ZF, PF and CF as COMISS sets them (SDM vol. 2, COMISS).</summary>
internal enum FloatRelation : uint
{
    Greater = 0,
    Less = State.Eflags.Carry,
    Equal = State.Eflags.Zero,
    Unordered = State.Eflags.Zero | State.Eflags.Parity | State.Eflags.Carry,
}
