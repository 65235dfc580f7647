import{a as r}from"./index-BXlWhDTJ.js";import{P as e}from"./page-DH83ZbmL.js";function t(){return r(e,{title:"Suppressions",children:null})}export{t as default};
