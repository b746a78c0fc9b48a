namespace Lguest.Jit.Core.Fpu;

/// <summary>
/// The register forms of D8..DF (SDM vol. 2D tables A-8 … A-22), with the undocumented twins that every processor since
/// the 387 executes (FCOM2, FXCH4, FSTP8, FFREEP …): real programs carry them, and silicon here agrees.
/// </summary>
internal static class X87RegisterForms
{
    /// <param name="escape">Low three bits of the escape byte.</param>
    /// <param name="number">The modrm's middle field.</param>
    /// <param name="index">Its low field.</param>
    public static X87Operation Classify(int escape, int number, byte index) => escape switch
    {
        0 => X87Decoder.EightOperations(number, X87Kind.Arithmetic, X87Kind.Compare, 0) with { Index = index },
        1 => D9(number, index),
        2 => DA(number, index),
        3 => DB(number, index),
        4 => ToRegister(number, index, pops: 0),
        5 => DD(number, index),
        6 => DE(number, index),
        _ => DF(number, index),
    };

    /// <summary>
    /// DC and DE: ST(i) is the destination, and SUB and DIV have their reverse bit the other way round, an old
    /// assembler's mistake cast in silicon.
    /// </summary>
    private static X87Operation ToRegister(int number, byte index, byte pops)
    {
        X87Operation op = X87Decoder.EightOperations(number, X87Kind.Arithmetic, X87Kind.Compare, 0) with { Index = index };
        if (op.Kind == X87Kind.Compare)
            return op with { Pops = (byte)(op.Pops | pops) };
        return op with { ToRegister = true, Pops = pops, Reverse = number is 4 or 6 };
    }

    private static X87Operation D9(int number, byte index) => (number, index) switch
    {
        (0, _) => Of(X87Kind.LoadRegister, index),
        (1, _) => Of(X87Kind.Exchange, index),
        (2, 0) => Of(X87Kind.NoOperation, 0),
        (3, _) => Of(X87Kind.StoreRegister, index) with { Pops = 1, Quiet = true },
        (4, 0) => Of(X87Kind.ChangeSign, 0),
        (4, 1) => Of(X87Kind.Absolute, 0),
        (4, 4) => Of(X87Kind.Test, 0),
        (4, 5) => Of(X87Kind.Examine, 0),
        (5, < 7) => Of(X87Kind.LoadConstant, index),
        (6, _) => Of(LowerTranscendental(index), 0),
        (7, _) => Of(UpperTranscendental(index), 0),
        _ => default,
    };

    private static X87Kind LowerTranscendental(byte index) => index switch
    {
        0 => X87Kind.TwoToXMinusOne,
        1 => X87Kind.YLog2X,
        2 => X87Kind.Tangent,
        3 => X87Kind.ArcTangent,
        4 => X87Kind.Extract,
        5 => X87Kind.RemainderNearest,
        6 => X87Kind.DecrementTop,
        _ => X87Kind.IncrementTop,
    };

    private static X87Kind UpperTranscendental(byte index) => index switch
    {
        0 => X87Kind.Remainder,
        1 => X87Kind.YLog2XPlusOne,
        2 => X87Kind.SquareRoot,
        3 => X87Kind.SineAndCosine,
        4 => X87Kind.RoundToInteger,
        5 => X87Kind.Scale,
        6 => X87Kind.Sine,
        _ => X87Kind.Cosine,
    };

    private static X87Operation DA(int number, byte index) => (number, index) switch
    {
        ( < 4, _) => Of(X87Kind.ConditionalMove, index) with { Condition = (byte)number },
        (5, 1) => Of(X87Kind.Compare, 1) with { Quiet = true, Pops = 2 },
        _ => default,
    };

    private static X87Operation DB(int number, byte index) => (number, index) switch
    {
        ( < 4, _) => Of(X87Kind.ConditionalMove, index) with { Condition = (byte)(number + 4) },
        (4, 2) => Control(X87Kind.ClearExceptions),
        (4, 3) => Control(X87Kind.Initialize),
        (4, 0 or 1 or 4) => Control(X87Kind.NoOperation),
        (5, _) => Of(X87Kind.CompareToFlags, index) with { Quiet = true },
        (6, _) => Of(X87Kind.CompareToFlags, index),
        _ => default,
    };

    private static X87Operation DD(int number, byte index) => number switch
    {
        0 => Of(X87Kind.Free, index),
        1 => Of(X87Kind.Exchange, index),
        2 => Of(X87Kind.StoreRegister, index),
        3 => Of(X87Kind.StoreRegister, index) with { Pops = 1 },
        4 => Of(X87Kind.Compare, index) with { Quiet = true },
        5 => Of(X87Kind.Compare, index) with { Quiet = true, Pops = 1 },
        _ => default,
    };

    private static X87Operation DE(int number, byte index)
    {
        if (number == 3)
            return index == 1 ? Of(X87Kind.Compare, 1) with { Pops = 2 } : default;
        return ToRegister(number, index, pops: 1);
    }

    private static X87Operation DF(int number, byte index) => (number, index) switch
    {
        (0, _) => Of(X87Kind.Free, index) with { Pops = 1 },
        (1, _) => Of(X87Kind.Exchange, index),
        (2 or 3, _) => Of(X87Kind.StoreRegister, index) with { Pops = 1 },
        (4, 0) => Control(X87Kind.StoreStatusWordAx),
        (5, _) => Of(X87Kind.CompareToFlags, index) with { Quiet = true, Pops = 1 },
        (6, _) => Of(X87Kind.CompareToFlags, index) with { Pops = 1 },
        _ => default,
    };

    private static X87Operation Of(X87Kind kind, byte index) => new() { Kind = kind, Index = index, Waits = true, RecordsPointers = true };

    private static X87Operation Control(X87Kind kind) => new() { Kind = kind };
}
