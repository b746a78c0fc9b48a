namespace Lguest.Jit.Core.Fpu;

/// <summary>The RC field of the control word (SDM vol. 1 table 4-8).</summary>
internal enum F80RoundingMode : byte
{
    NearestEven = 0,
    Down = 1,
    Up = 2,
    Chop = 3,
}
