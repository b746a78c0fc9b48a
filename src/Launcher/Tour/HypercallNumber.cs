namespace Lguest.Jit.Launcher.Tour;

/// <summary>The hypercalls of arch/x86/include/asm/lguest_hcall.h.</summary>
internal enum HypercallNumber
{
    FlushAsync = 0,
    LguestInit = 1,
    Shutdown = 2,
    NewPageTable = 4,
    FlushTlb = 5,
    LoadIdtEntry = 6,
    SetStack = 7,
    Ts = 8,
    SetClockEvent = 9,
    Halt = 10,
    SetPte = 14,
    SetPgd = 15,
    LoadTls = 16,
    LoadGdtEntry = 18,
    SendInterrupts = 19,
}
