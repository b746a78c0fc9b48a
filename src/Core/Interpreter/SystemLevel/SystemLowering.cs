using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter.SystemLevel;

internal static class SystemLowering
{
    public static void Register(Lower?[] table)
    {
        _ = table[(int)Mnemonic.Nop];
    }

    public static void Move(OpWriter w, in Instruction i) => throw new InvalidOperationException();
    public static void FarJump(OpWriter w, in Instruction i) => throw new InvalidOperationException();
    public static void FarCall(OpWriter w, in Instruction i) => throw new InvalidOperationException();
    public static void PushSegment(OpWriter w, in Instruction i) => throw new InvalidOperationException();
    public static void PopSegment(OpWriter w, in Instruction i) => throw new InvalidOperationException();
}
