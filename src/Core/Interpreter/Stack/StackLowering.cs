using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter.Stack;

internal static class StackLowering
{
    public static void Register(Lower?[] table)
    {
        _ = table[(int)Mnemonic.Nop];
    }
}
