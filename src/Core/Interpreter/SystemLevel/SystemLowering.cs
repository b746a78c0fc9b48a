using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter.SystemLevel;

internal static class SystemLowering
{
    public static void Register(Lower?[] table)
    {
        _ = table[(int)Mnemonic.Nop];
    }
}
