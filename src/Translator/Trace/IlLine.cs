using System.Reflection.Emit;

namespace Lguest.Jit.Translator.Trace;

/// <summary>What a line of recorded IL is.</summary>
internal enum IlLineKind
{
    /// <summary>An IL instruction.</summary>
    Code,

    /// <summary>A label stands here.</summary>
    Label,

    /// <summary>From here on for the Guest instruction at this eip.</summary>
    Instruction,

    /// <summary>From here on for no Guest instruction; says for what.</summary>
    Note,
}

/// <summary>One line of recorded IL.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Code">With <see cref="IlLineKind.Code"/>.</param>
/// <param name="Operand">Operand, label, eip or text.</param>
internal readonly record struct IlLine(IlLineKind Kind, OpCode Code = default, object? Operand = null);
