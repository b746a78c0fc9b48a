using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>Every exception that ring 3 can bring upon itself.</summary>
internal static class UserTraps
{
    private const uint KernelPage = TourLayout.KernelBase;

    public static void Emit(UserAssembler u)
    {
        EmitFaults(u);
        EmitGeneralProtection(u);
        EmitSoftwareInterrupts(u);
        EmitPageFaults(u);
    }

    private static void EmitFaults(UserAssembler u)
    {
        u.Provoke(
            "divide error",
            0,
            0,
            static a => a.div(ecx),
            static a =>
            {
                a.mov(edx, 5);
                a.mov(ecx, 5);
            });
        u.Provoke("debug: single step", 1, 0, static a => a.nop(), after: true, flags: KernelAssembler.AllFlags | 0x100);
        u.Provoke("breakpoint", 3, 0, static a => a.int3(), after: true);
        u.Provoke("overflow", 4, 0, static a => a.into(), after: true);
        u.Provoke(
            "bound range exceeded",
            5,
            0,
            static a => a.bound(eax, __qword_ptr[TourLayout.UserData + 0x20]),
            static a =>
            {
                a.mov(__dword_ptr[TourLayout.UserData + 0x20], -5);
                a.mov(__dword_ptr[TourLayout.UserData + 0x24], 5);
                a.mov(eax, -6);
            });
        u.Provoke("invalid opcode", 6, 0, static a => a.ud2());
        u.Provoke(
            "alignment check",
            17,
            0,
            static a => a.mov(eax, __dword_ptr[TourLayout.UserData + 1]),
            static a => a.mov(eax, __dword_ptr[TourLayout.UserData + 1]),
            flags: KernelAssembler.AllFlags | 0x40000);
    }

    private static void EmitGeneralProtection(UserAssembler u)
    {
        u.Provoke("hlt", 13, 0, static a => a.hlt());
        u.Provoke("cli, which the Launcher passes over in ring 1 only", 13, 0, static a => a.cli());
        u.Provoke("in from a port", 13, 0, static a => a.@in(al, dx), static a => a.mov(edx, 0xCF8));
        u.Provoke("loading a kernel segment", 13, 0x68, static a => a.mov(es, eax), static a => a.mov(eax, TourLayout.KernelData));
        u.Provoke("a null ss", 13, 0, static a => a.mov(ss, eax), static a => a.xor(eax, eax));
        u.Provoke("far call to ring 1", 13, 0x60, static a => a.call(TourLayout.KernelCode, KernelPage));
    }

    private static void EmitSoftwareInterrupts(UserAssembler u)
    {
        u.Provoke("a hypercall", 13, TrapsChapter.IdtError(0x1F), static a => a.@int(0x1F));
        u.Provoke("int 0x50, though its gate has DPL 3", 13, TrapsChapter.IdtError(0x50), static a => a.@int(0x50));
        u.Provoke("int 14", 13, TrapsChapter.IdtError(14), static a => a.@int(14));
        u.Provoke("int 32", 13, TrapsChapter.IdtError(32), static a => a.@int(32));
        u.Provoke("int 3 in two bytes", 3, 0, static a => a.db(0xCD, 3), after: true);
    }

    private static void EmitPageFaults(UserAssembler u)
    {
        u.Provoke("page fault: read of a hole", 14, 4, static a => a.mov(eax, __dword_ptr[TourLayout.UserHole]), address: TourLayout.UserHole);
        u.Provoke("page fault: write to a hole", 14, 6, static a => a.mov(__dword_ptr[TourLayout.UserHole], eax), address: TourLayout.UserHole);
        u.Provoke("page fault: read of a kernel page", 14, 5, static a => a.mov(eax, __dword_ptr[KernelPage + 4]), address: KernelPage + 4);
        u.Provoke("page fault: write to a kernel page", 14, 7, static a => a.inc(__byte_ptr[KernelPage + 4]), address: KernelPage + 4);
        u.Provoke("page fault: write to our own text", 14, 7, static a => a.mov(__byte_ptr[TourLayout.UserText], 0xCC), address: TourLayout.UserText);
        u.Provoke(
            "page fault: jump into a hole",
            14,
            4,
            static a => a.jmp(eax),
            static a => a.mov(eax, TourLayout.UserHole + 5),
            eip: TourLayout.UserHole + 5,
            address: TourLayout.UserHole + 5);
        u.Provoke(
            "page fault: jump into the kernel",
            14,
            5,
            static a => a.jmp(eax),
            static a => a.mov(eax, KernelPage),
            eip: KernelPage,
            address: KernelPage);
    }
}
