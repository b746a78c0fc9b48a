using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Switcher;

/// <summary>
/// Names the two kernels that people try and that cannot run here, from the first thing they do wrong (design §12.11). A
/// bare "unhandled trap 6 at 0x1000123" helps nobody.
/// </summary>
internal static unsafe class KernelDiagnosis
{
    public const string NoLguestSupport = "this kernel has no lguest support (CONFIG_LGUEST_GUEST)";

    public const string PaeKernel = "this is a PAE kernel (CONFIG_X86_PAE), and only two-level page tables work here";

    /// <summary>Before anybody turned paging on, a kernel can only touch these if it believes it is alone in the machine.</summary>
    private static ReadOnlySpan<byte> PrivilegedSecondBytes => [0x01, 0x20, 0x22];

    /// <summary>Why an undeliverable trap came, if it can be told; else null.</summary>
    public static string? Explain(GuestContext context, int vector)
    {
        if (!context.Data.Initialised)
        {
            // head_32.S: an unknown hardware_subarch runs into ud2. Without CONFIG_PARAVIRT nobody even looks, and the first
            // mov to a control register, or lgdt, gives the kernel away.
            bool alone = vector == Vectors.InvalidOpcode || (vector == Vectors.GeneralProtection && IsControlInstruction(context));
            return alone ? NoLguestSupport : null;
        }

        return vector == Vectors.PageFault && LooksLikePae(context) ? PaeKernel : null;
    }

    private static bool IsControlInstruction(GuestContext context)
    {
        Span<byte> code = stackalloc byte[2];
        return context.Machine.Ram.TryRead(context.Cpu->Eip, code) && code[0] == 0x0F && PrivilegedSecondBytes.Contains(code[1]);
    }

    /// <summary>
    /// Is the page directory in force really four 64-bit pointers? Those have no flags but P, and the high halves are zero on
    /// any machine this small. A two-level directory with such a start would map nothing in a writable way.
    /// </summary>
    private static bool LooksLikePae(GuestContext context)
    {
        SoftMmu mmu = context.Machine.Mmu;
        if (!mmu.Paging)
        {
            return false;
        }

        bool any = false;
        for (uint i = 0; i < 4; i++)
        {
            if (!context.Machine.Ram.TryRead32(mmu.PageDirectory + 8 * i, out uint low)
                || !context.Machine.Ram.TryRead32(mmu.PageDirectory + 8 * i + 4, out uint high)
                || high != 0 || (low != 0 && (low & 0xFFF) != PageWalker.Present))
            {
                return false;
            }

            any |= low != 0;
        }

        return any;
    }
}
