namespace Lguest.Jit.Launcher.Tour;

/// <summary>Virtual addresses of the tour kernel's variables, a word each.</summary>
internal static class TourVariable
{
    private const uint Base = TourLayout.Variables + TourLayout.KernelOffset;

    /// <summary>Steps reported so far.</summary>
    public const uint Step = Base;
    public const uint LineLength = Base + 0x04;

    /// <summary>0: emergency write. 1: transmit queue.</summary>
    public const uint ConsoleMode = Base + 0x08;

    /// <summary>Offsets of the console's PCI capabilities by type, 1 to 5.</summary>
    public const uint Capability = Base + 0x10;
    public const uint CommonConfig = Base + 0x30;
    public const uint NotifyAddress = Base + 0x34;
    public const uint IsrAddress = Base + 0x38;

    /// <summary>Cursor into the ring of asynchronous hypercalls.</summary>
    public const uint RingNext = Base + 0x3C;
    public const uint NextFrame = Base + 0x40;

    /// <summary>Where the kernel goes on when the user program exits, and its stack there.</summary>
    public const uint KernelResume = Base + 0x44;
    public const uint KernelEsp = Base + 0x48;

    /// <summary>Nanoseconds after which the timer's handler arms it again; 0: not.</summary>
    public const uint TickPeriod = Base + 0x4C;

    /// <summary>Entries in the interrupt log.</summary>
    public const uint LogCount = Base + 0x50;

    /// <summary>Irq_enabled as the last trap found it.</summary>
    public const uint EntryIrqEnabled = Base + 0x54;

    // The last system call: irq_enabled and EFLAGS at its entry; how many there were.
    public const uint SyscallIrqEnabled = Base + 0x58;
    public const uint SyscallFlags = Base + 0x5C;
    public const uint SyscallCount = Base + 0x60;

    // Pages brought in on demand, and the fault that brought the last one.
    public const uint PageIns = Base + 0x64;
    public const uint CowBreaks = Base + 0x68;
    public const uint FaultAddress = Base + 0x6C;
    public const uint FaultError = Base + 0x70;
    public const uint FaultEip = Base + 0x74;
    public const uint FaultEcx = Base + 0x78;

    // The trap that is expected, while Active is 1.
    public const uint Active = Base + 0x80;
    public const uint Title = Base + 0x84;
    public const uint Vector = Base + 0x88;
    public const uint Error = Base + 0x8C;
    public const uint Eip = Base + 0x90;
    public const uint Cs = Base + 0x94;
    public const uint Flags = Base + 0x98;
    public const uint Esp = Base + 0x9C;
    public const uint Address = Base + 0xA0;
    public const uint Resume = Base + 0xA4;

    /// <summary>For a chapter's own use.</summary>
    public const uint Scratch = Base + 0xB0;

    /// <summary>The registers as the Host left them: eax ecx edx ebx esp ebp esi edi, eflags, cs ss ds es fs gs.</summary>
    public const uint Initial = Base + 0x100;
}
