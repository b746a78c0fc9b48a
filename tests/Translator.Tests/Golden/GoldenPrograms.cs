using Iced.Intel;
using Lguest.Jit.Translator.Tests.Rigs;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.Golden;

/// <summary>
/// The Guest code whose translation is kept: a dozen hot loops, each the shortest that shows one thing. All begin at
/// <see cref="Rig.Code"/>, where their loop begins too, run for ever, and have <see cref="Data"/> to read and write.
/// </summary>
internal static class GoldenPrograms
{
    public const uint Data = 0x20000;

    public static IReadOnlyDictionary<string, Action<Assembler>> ByName { get; } = new Dictionary<string, Action<Assembler>>
    {
        ["array-sum"] = static c => Loop(c, () =>
        {
            c.mov(esi, (int)Data);
            c.mov(ecx, 16);
            Label next = c.CreateLabel();
            c.Label(ref next);
            c.add(eax, __dword_ptr[esi]);
            c.add(esi, 4);
            c.dec(ecx);
            c.jne(next);
        }),
        ["byte-copy"] = static c => Loop(c, () =>
        {
            c.mov(esi, (int)Data);
            c.mov(edi, (int)Data + 0x100);
            Label next = c.CreateLabel();
            c.Label(ref next);
            c.mov(al, __byte_ptr[esi]);
            c.mov(__byte_ptr[edi], al);
            c.inc(esi);
            c.inc(edi);
            c.cmp(esi, (int)Data + 16);
            c.jb(next);
        }),
        ["struct-fields"] = static c => Loop(c, () =>
        {
            // Several accesses off one base.
            c.mov(ebx, (int)Data);
            c.mov(eax, __dword_ptr[ebx + 4]);
            c.add(eax, __dword_ptr[ebx + 8]);
            c.mov(__dword_ptr[ebx + 12], eax);
            c.inc(__dword_ptr[ebx + 16]);
            c.movzx(edx, __word_ptr[ebx + 20]);
        }),
        ["conditions"] = static c => Loop(c, () =>
        {
            Label below = c.CreateLabel();
            Label less = c.CreateLabel();
            Label even = c.CreateLabel();
            c.inc(eax);
            c.cmp(eax, ebx);
            c.jb(below);
            c.inc(ecx);
            c.Label(ref below);
            c.cmp(eax, 100);
            c.jle(less);
            c.xor(eax, eax);
            c.Label(ref less);
            c.test(al, 1);
            c.je(even);
            c.inc(edx);
            c.Label(ref even);
            c.nop();
        }),
        ["flags-as-data"] = static c => Loop(c, () =>
        {
            c.add(eax, ebx);
            c.adc(edx, 0);
            c.cmp(eax, esi);
            c.setl(cl);
            c.cmova(edi, eax);
            c.sub(eax, 7);
            c.sbb(ebx, ebx);
        }),
        ["call-and-return"] = static c =>
        {
            Label begin = c.CreateLabel();
            Label leaf = c.CreateLabel();
            c.Label(ref begin);
            c.push(eax);
            c.call(leaf);
            c.pop(ecx);
            c.jmp(begin);
            c.Label(ref leaf);
            c.push(ebp);
            c.mov(ebp, esp);
            c.mov(eax, __dword_ptr[ebp + 8]);
            c.inc(eax);
            c.leave();
            c.ret();
        },
        ["shifts"] = static c => Loop(c, () =>
        {
            c.shl(eax, 3);
            c.shr(ebx, 5);
            c.sar(edx, 1);
            c.rol(esi, 7);
            c.mov(ecx, 9);
            c.shl(edi, cl);
            c.inc(eax);
        }),
        ["multiply-and-divide"] = static c => Loop(c, () =>
        {
            c.imul(eax, ebx, 10);
            c.inc(eax);
            c.mul(ebx);
            c.xor(edx, edx);
            c.mov(ecx, 7);
            c.div(ecx);
            c.cdq();
        }),
        ["partial-registers"] = static c => Loop(c, () =>
        {
            c.add(al, ah);
            c.mov(bh, al);
            c.movzx(ecx, bl);
            c.movsx(edx, ax);
            c.inc(si);
            c.bswap(edi);
        }),
        ["indirect-jump"] = static c =>
        {
            Label begin = c.CreateLabel();
            Label target = c.CreateLabel();
            c.Label(ref begin);
            c.mov(ebx, (int)Rig.Code + 0x20);
            c.inc(eax);
            c.jmp(ebx);
            c.nop(0x20 - 8);
            c.Label(ref target);
            c.dec(ecx);
            c.jmp(begin);
        },
        ["string-instructions"] = static c => Loop(c, () =>
        {
            c.mov(esi, (int)Data);
            c.mov(edi, (int)Data + 0x100);
            c.mov(ecx, 8);
            c.cld();
            c.rep.movsd();
            c.lodsb();
            c.stosd();
        }),
        ["without-template"] = static c => Loop(c, () =>
        {
            // The interpreter's handlers, called from translated code.
            c.inc(eax);
            c.aam(10);
            c.btc(ebx, ecx);
            c.inc(edx);
        }),
    };

    /// <summary>The bytes of a program, for <see cref="Rig.Code"/>.</summary>
    public static byte[] Assemble(string name)
    {
        var assembler = new Assembler(32);
        ByName[name](assembler);
        using var code = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(code), Rig.Code);
        return code.ToArray();
    }

    private static void Loop(Assembler c, Action body)
    {
        Label begin = c.CreateLabel();
        c.Label(ref begin);
        body();
        c.jmp(begin);
    }
}
