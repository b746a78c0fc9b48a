using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>What matters about an x87 instruction to whoever puts it into a thunk.</summary>
internal static class X87Traits
{
    /// <summary>
    /// Can a thunk execute it? All that compilers emit for arithmetic. Not: what is rare, what needs the flags (FCMOV), and the
    /// transcendental functions, which differ from one make of processor to the next: those are the soft-float's everywhere.
    /// </summary>
    public static bool CanBeInThunk(in X87Operation op) => op.Kind switch
    {
        X87Kind.LoadFloat or X87Kind.LoadInteger or X87Kind.LoadConstant => true,

        // ST(7) is where the copy would go: full or empty, it is wrong.
        X87Kind.LoadRegister => op.Index != 7,
        X87Kind.StoreFloat or X87Kind.StoreInteger or X87Kind.StoreTruncated => true,
        X87Kind.StoreRegister => !op.Quiet,
        X87Kind.Arithmetic or X87Kind.ArithmeticFloat or X87Kind.ArithmeticInteger => true,
        X87Kind.Compare or X87Kind.CompareFloat or X87Kind.CompareInteger or X87Kind.CompareToFlags or X87Kind.Test or X87Kind.Examine => true,
        X87Kind.ChangeSign or X87Kind.Absolute or X87Kind.SquareRoot or X87Kind.RoundToInteger or X87Kind.Exchange => true,
        _ => false,
    };

    /// <summary>Does it leave a result in condition codes or flags? Such an instruction is the last one of its run.</summary>
    public static bool Compares(in X87Operation op) => op.Kind
        is X87Kind.Compare or X87Kind.CompareFloat or X87Kind.CompareInteger or X87Kind.CompareToFlags or X87Kind.Test or X87Kind.Examine;

    public static bool Pushes(in X87Operation op) =>
        op.Kind is X87Kind.LoadFloat or X87Kind.LoadRegister or X87Kind.LoadInteger or X87Kind.LoadConstant;

    /// <summary>The i of the ST(i) that gets a new value, before any pop; null: none does.</summary>
    public static int? Writes(in X87Operation op) => op.Kind switch
    {
        X87Kind.StoreRegister => op.Index,
        X87Kind.Arithmetic => op.ToRegister ? op.Index : 0,
        X87Kind.ArithmeticFloat or X87Kind.ArithmeticInteger => 0,
        X87Kind.ChangeSign or X87Kind.Absolute or X87Kind.SquareRoot or X87Kind.RoundToInteger => 0,
        _ => null,
    };

    /// <summary>Can it raise a numeric exception, or round up? All others just clear C1.</summary>
    public static bool CanRaise(in X87Operation op) => op.Kind switch
    {
        X87Kind.LoadFloat or X87Kind.StoreFloat => op.Width != 10,
        X87Kind.LoadRegister or X87Kind.LoadInteger or X87Kind.LoadConstant or X87Kind.StoreRegister or X87Kind.Exchange => false,
        X87Kind.ChangeSign or X87Kind.Absolute => false,
        _ => true,
    };

    /// <summary>May it leave C1 set? (A load can raise something and still never rounds.)</summary>
    public static bool CanRoundUp(in X87Operation op) => CanRaise(op) && op.Kind != X87Kind.LoadFloat;

    /// <summary>About how many additions it takes: a thunk must be short.</summary>
    public static int Cost(in X87Operation op) => op.Kind switch
    {
        X87Kind.SquareRoot => 6,
        X87Kind.Arithmetic or X87Kind.ArithmeticFloat or X87Kind.ArithmeticInteger when op.Arithmetic == X87Arithmetic.Divide => 6,
        X87Kind.RoundToInteger or X87Kind.StoreInteger or X87Kind.StoreTruncated => 2,
        _ => 1,
    };
}
