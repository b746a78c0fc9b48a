using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter.ControlFlow;

internal static class BranchLowering
{
    public static void Register(Lower?[] table)
    {
        _ = table[(int)Mnemonic.Nop];
    }
}
