namespace Lguest.Jit.Core.Fpu;

/// <summary>How two numbers lie to each other.</summary>
internal enum F80Relation : byte
{
    Greater,
    Less,
    Equal,

    /// <summary>At least one of them is no number.</summary>
    Unordered,
}
