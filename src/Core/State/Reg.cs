namespace Lguest.Jit.Core.State;

/// <summary>
/// Numbers of the eight general registers in the order of x86 encodings, which is also their order in
/// <see cref="GuestCpu"/>.
/// </summary>
internal static class Reg
{
    public const int Eax = 0;
    public const int Ecx = 1;
    public const int Edx = 2;
    public const int Ebx = 3;
    public const int Esp = 4;
    public const int Ebp = 5;
    public const int Esi = 6;
    public const int Edi = 7;
}

/// <summary>Numbers of the segment registers in the order of x86 encodings (SDM vol. 2, table B-8).</summary>
internal static class Seg
{
    public const int Es = 0;
    public const int Cs = 1;
    public const int Ss = 2;
    public const int Ds = 3;
    public const int Fs = 4;
    public const int Gs = 5;
}
