using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>Turns one decoded instruction into ops.</summary>
internal delegate void Lower(OpWriter writer, in Instruction instruction);

/// <summary>Which lowering method serves which mnemonic. Every group of instructions registers its own.</summary>
internal static class LoweringTable
{
    private static readonly Lower?[] s_lower = Build();

    /// <summary>The lowering of an instruction, or null if the Guest's CPU does not have it (#UD).</summary>
    /// <remarks>
    /// What nobody has documented has one mnemonic for all, some escapes to the x87 unit among it and two instructions that only VIA's
    /// processors have (F3 0F A6 /6 and /7).
    /// </remarks>
    public static Lower? Find(in Instruction instruction) =>
        instruction.IsInvalid || (instruction.Mnemonic == Mnemonic.Undoc && !FloatingPoint.EscapeBytes.Has(instruction.Code)) ? null : Find(instruction.Mnemonic);

    /// <summary>The lowering of a mnemonic, or null if there is none.</summary>
    public static Lower? Find(Mnemonic mnemonic) => s_lower[(int)mnemonic];

    private static Lower?[] Build()
    {
        var table = new Lower?[Enum.GetValues<Mnemonic>().Length];
        Alu.AluLowering.Register(table);
        Moves.MoveLowering.Register(table);
        ControlFlow.BranchLowering.Register(table);
        Stack.StackLowering.Register(table);
        Arithmetic.ArithmeticLowering.Register(table);
        Bits.BitLowering.Register(table);
        Strings.StringLowering.Register(table);
        SystemLevel.SystemLowering.Register(table);
        FloatingPoint.X87Lowering.Register(table);
        Simd.SimdLowering.Register(table);
        return table;
    }
}
