namespace Lguest.Jit.Core.Fpu;

/// <summary>
/// The escape opcodes D8..DF, memory forms (SDM vol. 2D tables A-7 … A-22, upper halves). The register forms are in
/// <see cref="X87RegisterForms"/>.
/// </summary>
internal static class X87Decoder
{
    /// <param name="escapeOpcode">0xD8..0xDF.</param>
    /// <param name="modrm">The byte after it. Displacement and SIB are the caller's.</param>
    /// <param name="operandSize16">16-bit operand size: only environment and save images care.</param>
    /// <returns><see cref="X87Kind.Invalid"/> for encodings without meaning.</returns>
    public static X87Operation Classify(byte escapeOpcode, byte modrm, bool operandSize16 = false)
    {
        int number = modrm >> 3 & 7;
        X87Operation op = modrm >= 0xC0
            ? X87RegisterForms.Classify(escapeOpcode & 7, number, (byte)(modrm & 7))
            : MemoryForm(escapeOpcode & 7, number, operandSize16);
        return op.Kind == X87Kind.Invalid
            ? op
            : op with { Opcode = (ushort)((escapeOpcode & 7) << 8 | modrm), OperandSize16 = operandSize16 };
    }

    /// <summary>The eight operations of D8, DA, DC and DE, in the order of the modrm's middle field.</summary>
    internal static X87Operation EightOperations(int number, X87Kind arithmetic, X87Kind compare, byte width)
    {
        X87Operation op = new() { Width = width, IsLoad = width != 0, Waits = true, RecordsPointers = true };
        return number switch
        {
            0 => op with { Kind = arithmetic, Arithmetic = X87Arithmetic.Add },
            1 => op with { Kind = arithmetic, Arithmetic = X87Arithmetic.Multiply },
            2 => op with { Kind = compare },
            3 => op with { Kind = compare, Pops = 1 },
            4 or 5 => op with { Kind = arithmetic, Arithmetic = X87Arithmetic.Subtract, Reverse = number == 5 },
            _ => op with { Kind = arithmetic, Arithmetic = X87Arithmetic.Divide, Reverse = number == 7 },
        };
    }

    private static X87Operation MemoryForm(int escape, int number, bool operandSize16) => escape switch
    {
        0 => EightOperations(number, X87Kind.ArithmeticFloat, X87Kind.CompareFloat, 4),
        1 => MemoryD9(number, operandSize16),
        2 => EightOperations(number, X87Kind.ArithmeticInteger, X87Kind.CompareInteger, 4),
        3 => MemoryDB(number),
        4 => EightOperations(number, X87Kind.ArithmeticFloat, X87Kind.CompareFloat, 8),
        5 => MemoryDD(number, operandSize16),
        6 => EightOperations(number, X87Kind.ArithmeticInteger, X87Kind.CompareInteger, 2),
        _ => MemoryDF(number),
    };

    private static X87Operation MemoryD9(int number, bool operandSize16) => number switch
    {
        0 => Load(X87Kind.LoadFloat, 4),
        2 => Store(X87Kind.StoreFloat, 4, 0),
        3 => Store(X87Kind.StoreFloat, 4, 1),
        4 => Control(X87Kind.LoadEnvironment, Image(X87.Environment32, operandSize16), load: true, waits: true),
        5 => Control(X87Kind.LoadControlWord, 2, load: true, waits: true),
        6 => Control(X87Kind.StoreEnvironment, Image(X87.Environment32, operandSize16), load: false, waits: false),
        7 => Control(X87Kind.StoreControlWord, 2, load: false, waits: false),
        _ => default,
    };

    private static X87Operation MemoryDB(int number) => number switch
    {
        0 => Load(X87Kind.LoadInteger, 4),
        1 => Store(X87Kind.StoreTruncated, 4, 1),
        2 => Store(X87Kind.StoreInteger, 4, 0),
        3 => Store(X87Kind.StoreInteger, 4, 1),
        5 => Load(X87Kind.LoadFloat, 10),
        7 => Store(X87Kind.StoreFloat, 10, 1),
        _ => default,
    };

    private static X87Operation MemoryDD(int number, bool operandSize16) => number switch
    {
        0 => Load(X87Kind.LoadFloat, 8),
        1 => Store(X87Kind.StoreTruncated, 8, 1),
        2 => Store(X87Kind.StoreFloat, 8, 0),
        3 => Store(X87Kind.StoreFloat, 8, 1),
        4 => Control(X87Kind.Restore, Image(X87.SaveImage32, operandSize16), load: true, waits: true),
        6 => Control(X87Kind.Save, Image(X87.SaveImage32, operandSize16), load: false, waits: false),
        7 => Control(X87Kind.StoreStatusWord, 2, load: false, waits: false),
        _ => default,
    };

    private static X87Operation MemoryDF(int number) => number switch
    {
        0 => Load(X87Kind.LoadInteger, 2),
        1 => Store(X87Kind.StoreTruncated, 2, 1),
        2 => Store(X87Kind.StoreInteger, 2, 0),
        3 => Store(X87Kind.StoreInteger, 2, 1),
        4 => Load(X87Kind.LoadBcd, 10),
        5 => Load(X87Kind.LoadInteger, 8),
        6 => Store(X87Kind.StoreBcd, 10, 1),
        _ => Store(X87Kind.StoreInteger, 8, 1),
    };

    /// <summary>Seven words, or seven doublewords.</summary>
    private static int Image(int wide, bool operandSize16) => operandSize16 ? wide - 14 : wide;

    private static X87Operation Load(X87Kind kind, byte width) =>
        new() { Kind = kind, Width = width, IsLoad = true, Waits = true, RecordsPointers = true };

    private static X87Operation Store(X87Kind kind, byte width, byte pops) =>
        new() { Kind = kind, Width = width, IsStore = true, Pops = pops, Waits = true, RecordsPointers = true };

    private static X87Operation Control(X87Kind kind, int width, bool load, bool waits) =>
        new() { Kind = kind, Width = (byte)width, IsLoad = load, IsStore = !load, Waits = waits };
}
