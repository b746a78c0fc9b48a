namespace Lguest.Jit.Core.Fpu;

/// <summary>What remains to be done outside the x87 unit after <see cref="X87.Execute"/>.</summary>
internal readonly record struct X87Result
{
    /// <summary>The buffer holds the bytes to write to memory.</summary>
    public bool Store { get; init; }

    /// <summary>FCOMI, FUCOMI: replace the <see cref="X87.ComparisonFlags"/> in EFLAGS by <see cref="Flags"/>.</summary>
    public bool SetsFlags { get; init; }

    /// <summary>Among <see cref="X87.ZeroFlag"/>, <see cref="X87.ParityFlag"/>, <see cref="X87.CarryFlag"/>.</summary>
    public uint Flags { get; init; }

    /// <summary>FNSTSW AX: put <see cref="Ax"/> into AX.</summary>
    public bool SetsAx { get; init; }

    public ushort Ax { get; init; }
}
