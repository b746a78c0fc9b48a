namespace Lguest.Jit.Core.Fpu;

/// <summary>
/// One x87 instruction, decoded: enough for an interpreter to do all memory access generically. Made by
/// <see cref="X87Decoder.Classify"/>, run by <see cref="X87.Execute"/>.
/// </summary>
internal readonly record struct X87Operation
{
    public X87Kind Kind { get; init; }

    /// <summary>FOP: low three bits of the escape byte, then the modrm byte.</summary>
    public ushort Opcode { get; init; }

    /// <summary>i of ST(i); for <see cref="X87Kind.LoadConstant"/> the <see cref="F80Constant"/>.</summary>
    public byte Index { get; init; }

    /// <summary>Bytes of memory: 0 (none), 2, 4, 8, 10, 14 or 28 (environment), 94 or 108 (save image).</summary>
    public byte Width { get; init; }

    /// <summary>Memory is read. The buffer must be filled before <see cref="X87.Execute"/>.</summary>
    public bool IsLoad { get; init; }

    /// <summary>Memory is written, if <see cref="X87Result.Store"/> says so. Check the address for writing before.</summary>
    public bool IsStore { get; init; }

    /// <summary>Registers popped: 0, 1, 2.</summary>
    public byte Pops { get; init; }

    /// <summary>For the three arithmetic kinds.</summary>
    public X87Arithmetic Arithmetic { get; init; }

    /// <summary>FSUBR, FDIVR: memory (or the source register) is the left operand.</summary>
    public bool Reverse { get; init; }

    /// <summary>ST(i) is the destination, ST(0) the source.</summary>
    public bool ToRegister { get; init; }

    /// <summary>FUCOM and FUCOMI: quiet NaNs compare quietly. FSTP1: no underflow.</summary>
    public bool Quiet { get; init; }

    /// <summary>FCMOV: 0 B, 1 E, 2 BE, 3 U, and 4 added for the negations.</summary>
    public byte Condition { get; init; }

    /// <summary>Raises #MF first when <see cref="X87.PendingException"/>. False for the FN… instructions only.</summary>
    public bool Waits { get; init; }

    /// <summary>A non-control instruction, for which FIP, FDP and FOP are kept.</summary>
    public bool RecordsPointers { get; init; }

    /// <summary>16-bit environment and save formats.</summary>
    public bool OperandSize16 { get; init; }

    public bool IsValid => Kind != X87Kind.Invalid;
}
