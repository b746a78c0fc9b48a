namespace Lguest.Jit.Core.Fpu;

/// <summary>What an x87 instruction does. Operand forms share a kind where <see cref="X87Operation"/> tells them apart.</summary>
internal enum X87Kind : byte
{
    /// <summary>No instruction: #UD.</summary>
    Invalid,

    // Loads.
    LoadFloat,
    LoadRegister,
    LoadInteger,
    LoadBcd,
    LoadConstant,

    // Stores.
    StoreFloat,
    StoreRegister,
    StoreInteger,
    StoreTruncated,
    StoreBcd,

    // The four operations, by second operand.
    Arithmetic,
    ArithmeticFloat,
    ArithmeticInteger,

    // Comparisons.
    Compare,
    CompareFloat,
    CompareInteger,
    CompareToFlags,
    Test,
    Examine,

    // One- and two-operand arithmetic on the stack top.
    ChangeSign,
    Absolute,
    SquareRoot,
    RoundToInteger,
    Scale,
    Extract,
    Remainder,
    RemainderNearest,

    // Transcendentals.
    TwoToXMinusOne,
    YLog2X,
    YLog2XPlusOne,
    Tangent,
    ArcTangent,
    Sine,
    Cosine,
    SineAndCosine,

    // Register stack.
    Exchange,
    ConditionalMove,
    Free,
    IncrementTop,
    DecrementTop,

    // Control.
    NoOperation,
    ClearExceptions,
    Initialize,
    LoadControlWord,
    StoreControlWord,
    StoreStatusWord,
    StoreStatusWordAx,
    LoadEnvironment,
    StoreEnvironment,
    Save,
    Restore,
}
