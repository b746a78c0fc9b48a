namespace Lguest.Jit.Launcher.Tour;

/// <summary>
/// What the trap entry leaves on the stack, by offset from ebp: saved registers, vector and error code, and above
/// them the frame of the CPU, whose last two words are there only if it came from ring 3.
/// </summary>
internal static class TrapFrame
{
    public const int Es = 0;
    public const int Ds = 4;
    public const int Ebx = 24;
    public const int Edx = 28;
    public const int Ecx = 32;
    public const int Eax = 36;
    public const int Esi = 12;
    public const int Edi = 8;
    public const int Ebp = 16;
    public const int Vector = 40;
    public const int Error = 44;
    public const int Eip = 48;
    public const int Cs = 52;
    public const int Flags = 56;
    public const int Esp = 60;
    public const int Ss = 64;
}
