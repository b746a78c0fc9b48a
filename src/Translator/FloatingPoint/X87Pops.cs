using Iced.Intel;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>x87 instructions in two forms, with a pop and without.</summary>
internal static class X87Pops
{
    /// <summary>The same without its pop or pops; false, and the code itself, if there is no such instruction.</summary>
    public static bool TryWithout(Code code, out Code without)
    {
        without = code switch
        {
            Code.Fstp_m32fp => Code.Fst_m32fp,
            Code.Fstp_m64fp => Code.Fst_m64fp,
            Code.Fistp_m16int => Code.Fist_m16int,
            Code.Fistp_m32int => Code.Fist_m32int,
            Code.Fstp_sti or Code.Fstp_sti_DFD0 or Code.Fstp_sti_DFD8 => Code.Fst_sti,
            Code.Faddp_sti_st0 => Code.Fadd_sti_st0,
            Code.Fmulp_sti_st0 => Code.Fmul_sti_st0,
            Code.Fsubp_sti_st0 => Code.Fsub_sti_st0,
            Code.Fsubrp_sti_st0 => Code.Fsubr_sti_st0,
            Code.Fdivp_sti_st0 => Code.Fdiv_sti_st0,
            Code.Fdivrp_sti_st0 => Code.Fdivr_sti_st0,
            Code.Fcomp_m32fp => Code.Fcom_m32fp,
            Code.Fcomp_m64fp => Code.Fcom_m64fp,
            Code.Ficomp_m16int => Code.Ficom_m16int,
            Code.Ficomp_m32int => Code.Ficom_m32int,
            Code.Fcomp_st0_sti or Code.Fcomp_st0_sti_DCD8 or Code.Fcomp_st0_sti_DED0 => Code.Fcom_st0_sti,
            Code.Fucomp_st0_sti => Code.Fucom_st0_sti,
            Code.Fcompp => Code.Fcom_st0_sti,
            Code.Fucompp => Code.Fucom_st0_sti,
            Code.Fcomip_st0_sti => Code.Fcomi_st0_sti,
            Code.Fucomip_st0_sti => Code.Fucomi_st0_sti,
            _ => code,
        };
        return without != code;
    }
}
