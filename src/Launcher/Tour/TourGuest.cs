using Iced.Intel;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Switcher;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>
/// The Guest that Lguest.Jit carries with it: a kernel for ring 1 that walks through the rules of lguest one by one, says
/// what it sees, and ends in an error at the first thing that is not as it should be. Assembled when it is wanted; needs
/// 4 MiB of memory and the console in PCI slot 1.
/// </summary>
internal static class TourGuest
{
    public static GuestImage Build()
    {
        UserProgram user = UserProgram.Build();
        byte[] image = CodeBuilder.Assemble(TourLayout.KernelBase, builder => Emit(new KernelAssembler(builder, user)));
        if (TourLayout.LoadAddress + image.Length > TourLayout.LguestData)
        {
            throw new InvalidOperationException($"The tour has grown to {image.Length} bytes and runs into its own data.");
        }

        return new GuestImage(image, TourLayout.LoadAddress, TourLayout.LoadAddress);
    }

    /// <summary>Puts it where it belongs.</summary>
    /// <exception cref="LoadException">The memory is too small for it.</exception>
    public static LoadedKernel Load(GuestRam ram)
    {
        GuestImage image = Build();
        if (!ram.Contains(0, TourLayout.MemoryNeeded) || !ram.TryWrite(image.LoadAddress, image.Bytes))
        {
            throw new LoadException("the embedded Guest needs 4M of memory");
        }

        return new LoadedKernel("tour", image.Entry, TourLayout.MemoryNeeded);
    }

    private static void Emit(KernelAssembler k)
    {
        // The tour itself, from here to power-off.
        BootChapter.EmitEntry(k);
        ConsoleChapter.EmitProbe(k);
        BootChapter.EmitChecks(k);
        SegmentsChapter.Emit(k);
        ConsoleChapter.EmitStart(k);
        k.Report("virtio console: two queues, features agreed upon; this line is the first to come through the transmit queue");
        TrapsChapter.Emit(k);
        PagingChapter.Emit(k);
        InterruptsChapter.Emit(k);
        AsyncRingChapter.Emit(k);
        CodeChapter.Emit(k);
        UserChapter.Emit(k);
        AddressSpaceChapter.Emit(k);
        EmitFarewell(k);

        // What it calls, and what calls it.
        PrintRoutines.Emit(k);
        ConsoleChapter.EmitRoutines(k);
        AsyncRingChapter.EmitRoutines(k);
        InterruptsChapter.EmitRoutines(k);
        TrapEntry.Emit(k);
        InterruptHandler.Emit(k);
        PageFaultHandler.Emit(k);
        SyscallHandler.Emit(k);
        ExpectedTrap.Emit(k);
        k.EmitTexts();
        k.Mark(k.UserImage);
        k.Asm.db(k.User.Bytes);
    }

    private static void EmitFarewell(KernelAssembler k)
    {
        Assembler c = k.Asm;
        CodeLabel reason = k.NewLabel();
        k.Print("tour complete: ");
        c.mov(eax, KernelAssembler.Word(TourVariable.Step));
        c.call(k.PutDecimal);
        k.Print(" steps");
        c.call(k.Flush);
        k.Hypercall(HypercallNumber.Shutdown, k.PhysicalOf(reason), 1);
        k.Mark(reason);
        k.Builder.Text("Power down");
    }
}
