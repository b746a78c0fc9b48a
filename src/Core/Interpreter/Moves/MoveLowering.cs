using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter.Moves;

internal static class MoveLowering
{
    public static void Register(Lower?[] table)
    {
        _ = table[(int)Mnemonic.Nop];
    }
}
