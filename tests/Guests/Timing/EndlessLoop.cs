using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Timing;

/// <summary>Ways of going in circles for ever. Each keeps to its own registers, of which an interrupt handler changes none.</summary>
/// <param name="Name">For tables.</param>
/// <param name="Emit">Emits it; what is behind it is never reached.</param>
internal sealed record EndlessLoop(string Name, Action<CodeBuilder> Emit)
{
    /// <summary>Free memory that loops may use, this many bytes from here on.</summary>
    public const uint Scratch = 0x200000;
    private const uint ScratchLength = 0x100000;
    private const int PageSize = 0x1000;

    public static IReadOnlyList<EndlessLoop> All { get; } =
    [
        new("jmp $", static b => b.Asm.jmp(b.Here().Value)),
        new("dec/jnz", static b =>
        {
            CodeLabel top = b.Here();
            b.Asm.dec(ecx);
            b.Asm.jnz(top.Value);
            b.Asm.jmp(top.Value);
        }),
        new("loop", static b =>
        {
            CodeLabel top = b.Here();
            b.Asm.loop(top.Value);
            b.Asm.jmp(top.Value);
        }),
        new("jecxz", static b =>
        {
            b.Asm.xor(ecx, ecx);
            b.Asm.jecxz(b.Here().Value);
        }),
        new("rep movsd", static b =>
        {
            CodeLabel top = b.Here();
            b.Asm.mov(esi, Scratch);
            b.Asm.mov(edi, Scratch + ScratchLength);
            b.Asm.mov(ecx, ScratchLength / 4);
            b.Asm.rep.movsd();
            b.Asm.jmp(top.Value);
        }),
        new("rep stosb", static b =>
        {
            CodeLabel top = b.Here();
            b.Asm.mov(edi, Scratch);
            b.Asm.mov(ecx, ScratchLength - 1);
            b.Asm.rep.stosb();
            b.Asm.jmp(top.Value);
        }),
        new("repne scasb", static b =>
        {
            CodeLabel top = b.Here();
            b.Asm.mov(al, 1);
            b.Asm.mov(edi, Scratch);
            b.Asm.mov(ecx, ScratchLength);
            b.Asm.repne.scasb();
            b.Asm.jmp(top.Value);
        }),
        new("two pages, by jmp", static b =>
        {
            CodeLabel other = b.NewLabel();
            CodeLabel top = b.Here();
            b.Asm.inc(edx);
            b.Asm.jmp(other.Value);
            NextPage(b);
            b.Mark(other);
            b.Asm.dec(edx);
            b.Asm.jmp(top.Value);
        }),
        new("two pages, by call", static b =>
        {
            CodeLabel function = b.NewLabel();
            CodeLabel top = b.Here();
            b.Asm.call(function.Value);
            b.Asm.jmp(top.Value);
            NextPage(b);
            b.Mark(function);
            b.Asm.inc(edx);
            b.Asm.ret();
        }),
        new("each calls the other", static b =>
        {
            // Never returns; the stack pointer is put back instead.
            CodeLabel other = b.NewLabel();
            b.Asm.mov(ebp, esp);
            CodeLabel top = b.Here();
            b.Asm.mov(esp, ebp);
            b.Asm.call(other.Value);
            NextPage(b);
            b.Mark(other);
            b.Asm.inc(edx);
            b.Asm.call(top.Value);
        }),
        new("jmp reg to itself", static b =>
        {
            CodeLabel top = b.NewLabel();
            b.Asm.mov(eax, b.AddressOf(top));
            b.Mark(top);
            b.Asm.jmp(eax);
        }),
        new("jmp mem, in turns", static b =>
        {
            CodeLabel top = b.NewLabel();
            CodeLabel other = b.NewLabel();
            b.Asm.mov(__dword_ptr[Scratch], b.AddressOf(other));
            b.Asm.mov(__dword_ptr[Scratch + 4], b.AddressOf(top));
            b.Mark(top);
            b.Asm.jmp(__dword_ptr[Scratch]);
            b.Mark(other);
            b.Asm.jmp(__dword_ptr[Scratch + 4]);
        }),
        new("ret to itself", static b =>
        {
            CodeLabel top = b.NewLabel();
            b.Mark(top);
            b.Asm.push(b.AddressOf(top));
            b.Asm.ret();
        }),
        new("rewrites itself", static b =>
        {
            CodeLabel patched = b.NewLabel();
            CodeLabel top = b.Here();
            b.Asm.add(__dword_ptr[b.AddressOf(patched) + 1], 1);
            b.Mark(patched);
            b.Asm.add(eax, 0x12345678);
            b.Asm.jmp(top.Value);
        }),
        new("x87", static b =>
        {
            CodeLabel top = b.Here();
            b.Asm.fldpi();
            b.Asm.fsin();
            b.Asm.fstp(st0);
            b.Asm.jmp(top.Value);
        }),
        new("sldt", static b =>
        {
            // No template: the interpreter's handler is called from the middle of a region, in each turn.
            CodeLabel top = b.Here();
            b.Asm.sldt(edx);
            b.Asm.jmp(top.Value);
        }),
        new("mov ss", static b =>
        {
            CodeLabel top = b.Here();
            b.Asm.mov(eax, ss);
            b.Asm.mov(ss, eax);
            b.Asm.mov(ecx, esp);
            b.Asm.jmp(top.Value);
        }),
    ];

    private static void NextPage(CodeBuilder b)
    {
        for (int i = 0; i < PageSize; i++)
        {
            b.Asm.db(0xCC);
        }
    }
}
