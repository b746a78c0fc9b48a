namespace Lguest.Jit.Switcher;

/// <summary>LHCALL_*: arch/x86/include/asm/lguest_hcall.h. The same from 4.1 to 4.13, but that TS is gone from 4.10 on.</summary>
internal static class HypercallNumbers
{
    public const uint FlushAsync = 0;
    public const uint LguestInit = 1;
    public const uint Shutdown = 2;
    public const uint NewPgtable = 4;
    public const uint FlushTlb = 5;
    public const uint LoadIdtEntry = 6;
    public const uint SetStack = 7;
    public const uint Ts = 8;
    public const uint SetClockevent = 9;
    public const uint Halt = 10;

    /// <summary>PAE Guests only, and there are none here.</summary>
    public const uint SetPmd = 13;
    public const uint SetPte = 14;
    public const uint SetPgd = 15;
    public const uint LoadTls = 16;
    public const uint LoadGdtEntry = 18;
    public const uint SendInterrupts = 19;

    /// <summary>LGUEST_SHUTDOWN_POWEROFF and _RESTART, the second argument of SHUTDOWN.</summary>
    public const uint ShutdownPoweroff = 1;
    public const uint ShutdownRestart = 2;
}
